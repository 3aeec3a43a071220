// Package bank is the quickstart: a ledger of bank accounts with five events,
// two projections, and withdrawals that have to pass three gates.
//
//   - schema.go says what there is: events, entity, projections, gates, command.
//   - events.go has the payloads, plain structs.
//   - history.go has the shapes that one of them had, and lifts them.
//   - account.go has the behaviour, pure functions over plain values.
//   - the files *.batpak.go and *_gen_test.go are generated from these.
//
// The package knows no store but the one that a caller binds it to, reads no
// clock and keeps no state. example_test.go shows it at work.
package bank
