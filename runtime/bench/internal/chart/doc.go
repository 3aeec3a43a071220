// Package chart draws charts as SVG: bars in groups, and lines on logarithmic axes.
// The same data give the same bytes.
package chart
