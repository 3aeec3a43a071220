// Package model holds what a schema says, as plain data with source positions.
//
// It knows neither how a schema is read nor what is generated from it: the
// reader fills it, the checks judge it, the emitters print it. It refers to Go
// types by name and import path and holds no syntax trees.
package model
