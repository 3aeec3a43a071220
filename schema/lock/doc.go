// Package lock holds what was promised about stored events: the lock file of a
// schema, which is committed beside it.
//
// A schema says what is; a store holds what was. The lock file is what the
// compiler knows of the past: which shapes were released under which kind and
// version, so that a change of the code that would make stored events unreadable
// is an error before it is deployed.
//
//	{
//	  "format": 1,
//	  "package": "example.com/app/bank",
//	  "entities": {
//	    "account": {"scope": "ledger", "id": "string"}
//	  },
//	  "events": {
//	    "1:002": {"name": "MoneyDeposited", "entity": "account", "versions": {
//	      "1": {"state": "released", "b3": "aca9d643bf7aff7c", "shape": "{amount:string}", "frozen": "97bbde42f5d3dbb9"},
//	      "2": {"state": "draft", "b3": "f45c457114dc55fd", "shape": "{amount:int64;source:string}"}
//	    }}
//	  },
//	  "retired": {
//	    "1:005": "AccountRenamed"
//	  },
//	  "commands": {
//	    "withdraw": {"state": "draft", "event": "1:003", "gates": ["not-frozen", "sufficient-funds"]}
//	  },
//	  "projections": {
//	    "balance": {"state": "released", "version": 1, "folds": ["1:001", "1:002"]}
//	  },
//	  "accepted": [
//	    {"event": "1:001", "version": 1, "was": ["{owner:string}"], "reason": "never deployed"},
//	    {"projection": "balance", "version": 1, "was": ["1:001"], "reason": "no state was kept"}
//	  ]
//	}
//
// An event is keyed by its kind and an entity by its prefix, since these are what
// lies on disk; Go names follow the code. A shape is the text of package
// schema/shape, b3 its fingerprint, so that a shape which was altered by hand is
// noticed, and frozen the fingerprint of the file with its frozen payloads.
//
// The id of an entity is the basic type that its ids are over, since the name of a
// stream ends in one: "account:acc-42" or, of an integer, "account:42". Once an event
// of the entity was released the type may only become one whose ids have all those
// texts, a wider integer or a string, or there would be streams that no id names. That
// is in force from when it was written, released or not. A file that was written before
// ids were in it has no "id"; it is read as one that has promised nothing about them,
// so that the type which the schema has then is taken for right, and is written.
//
// # States
//
// A new version is a draft: it may change and go, since development would be a
// series of versions otherwise. Releasing makes a promise of it. A released
// version may still grow, by optional fields for example; it is revised then, and
// keeps the shapes that were released in "earlier", oldest first, because payloads
// of each of them may be in stores. What it has grown by is free to change until
// it is released as well. Promises go in one way only, which leaves a record under
// "accepted": a version is given back, with a reason.
//
// Commands and projections are drafts, released and given back in the same way.
//
// # The text
//
// The form is canonical: an entry has one line, an event one for each version,
// and entries are sorted. There are no dates, no tool versions and no paths of
// files. Thus git merges lock files line by line, and a conflict means that two
// branches changed the same thing, or added things that are neighbours. [Repair]
// joins the sides of a conflict; what it cannot join was promised twice in
// different ways, and is for people to sort out.
//
// The package reads and writes the file's text; it does not compare it with a
// schema, and knows nothing of files and directories.
package lock
