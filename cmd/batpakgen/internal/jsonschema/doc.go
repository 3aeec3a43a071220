// Package jsonschema writes a JSON Schema for each version of each payload of a
// schema.
//
// Events are not stored as JSON. The schemas are about payloads as JSON has them:
// fields by their names on disk, bytes in base64, times as text.
package jsonschema
