package bench

import "github.com/batpak-go/batpak/schema"

//go:generate go tool batpakgen -no-tests
//go:generate go tool msgp -io=false -tests=false -file peer.go

// CustomerID names a customer.
type CustomerID string

var customer = schema.Entity[CustomerID]{Prefix: "customer", Scope: "bench"}

var ordered = schema.Event[Order]{Category: 1, Type: 1, Version: 1, Entity: customer}
