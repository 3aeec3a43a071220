// Package schema is the language in which a package declares its events,
// entities, projections, gates and commands.
//
// A schema is a set of package-level variables, each with an initialiser of its
// own, that batpakgen reads and never runs:
//
//	const ledger schema.Category = 0x1
//
//	var account = schema.Entity[AccountID]{Prefix: "account", Scope: "ledger"}
//
//	var opened = schema.Event[AccountOpened]{Category: ledger, Type: 0x001, Version: 1, Entity: account}
//
// An initialiser may use constants, composite literals of this package's types,
// the names of other declarations, declared functions, method expressions such
// as (*Balance).opened, and calls of [On] and [Step]. Everything else, function
// literals, other calls, control flow, and assignments elsewhere, is a
// diagnostic.
// The Go compiler checks the types: that a handler takes the event it is listed
// under, that a gate fits its command's context.
//
// # Versions
//
// The payload struct of an event is its shape of today. When events of it may be
// stored, the shape changes by a new version only: the struct of yesterday stays,
// under a name of its own, and a pure function makes the new from the old.
//
//	var deposited = schema.Event[MoneyDeposited]{
//		Category: ledger, Type: 0x002, Version: 3, Entity: account,
//		Upcasts: schema.Chain{
//			schema.Step(1, depositedV1toV2),
//			schema.Step(2, depositedV2toV3),
//		},
//	}
//
// Whoever reads an event gets a MoneyDeposited, whatever was stored. Stored bytes
// are never rewritten.
package schema
