// Package schema is the language in which a package declares its events,
// entities, projections, gates, commands and reactors.
//
// This page is its manual. The code on it is one package, from top to bottom; a
// test compiles it, generates code for it and finds nothing wrong.
//
// # Declarations
//
// A schema is a set of package-level variables, each with an initialiser of its
// own, that batpakgen reads and never runs:
//
//	// ledger is the upper part of the kinds of this package.
//	const ledger schema.Category = 0x1
//
//	// Accounts have streams of their own, "account:" and the id.
//	var account = schema.Entity[AccountID]{Prefix: "account", Scope: "ledger"}
//
//	// AccountID names an account.
//	type AccountID string
//
// An initialiser may use constants, composite literals of this package's types,
// the names of other declarations, declared functions, method expressions such
// as (*Balance).opened, and calls of this package's functions. Everything else,
// function literals, other calls, control flow, and assignments elsewhere, is a
// diagnostic. The Go compiler checks the types: that a handler takes the event it is
// listed under, that a gate fits its command's context. What it cannot check,
// batpakgen does; "batpakgen explain" says what each of its codes means.
//
// # Events
//
// An event is what may be stored in the streams of an entity: a payload and a kind.
// The kind, category and type, is its name on disk. It is never given to another
// event.
//
//	var opened = schema.Event[AccountOpened]{Category: ledger, Type: 0x001, Version: 1, Entity: account}
//
//	// AccountOpened records a new account.
//	type AccountOpened struct {
//		Owner    string `bat:",max=200"`
//		Currency Currency
//		Limits   map[string]int64 `bat:"limits,sorted,optional"`
//		OpenedAt time.Time
//		Referrer *AccountID
//		cache    []string `bat:"-"`
//	}
//
// # Payloads
//
// A payload is a struct of the schema's package. Its exported fields are stored in
// source order, each under a name, "opened_at" for OpenedAt unless its tag says
// another. The order is part of the shape: once a version is released, a new field goes
// to any place, if it is optional, but none that is there moves (BP601). A field is of
// one of these types, or of a named type over one:
//
//   - bool, string, integers of a fixed size, time.Time
//   - []byte, slices, arrays, such as [16]byte for an id
//   - structs with a name, embedded ones only if the tag names the field
//   - a pointer to one of these, which is left out when it is nil
//   - float32 and float64, where the tag has the option float
//   - maps from text or integers, where it has the option sorted
//   - types with a codec of their own, of any package: a method
//     AppendWire(dst []byte) []byte of the value, which appends one value in
//     canonical form, and DecodeWire(d *wire.Decoder) of a pointer, which reads
//     one. A method CheckWire() error says what keeps a value from being stored.
//
// A tag is `bat:"name,options"`, or `bat:"-"` for a field that is not stored:
//
//	optional    left out when it is zero; not for a type that cannot tell
//	max=N       at most N bytes of text or bytes, N elements of a slice or map
//	float       numbers in it may be floats: -0 is stored as 0, and there is one NaN
//	sorted      maps in it are stored by ascending keys
//
// What breaks a rule is refused when it is appended, and when it is read.
//
// # Enumerations
//
// The values of a named type over text or an integer may be said to be its
// constants:
//
//	var currencies = schema.Enum[Currency]{}
//
//	// Currency is a currency that accounts are kept in.
//	type Currency string
//
//	const (
//		EUR Currency = "EUR"
//		USD Currency = "USD"
//	)
//
// Another value is then refused when it is appended, and when it is read; with
// Open, both are as if there were no declaration.
//
// # Versions
//
// The payload struct of an event is its shape of today. When events of it may be
// stored, the shape changes by a new version only: the struct of yesterday stays,
// under a name of its own, and a pure function makes the new from the old.
//
//	var deposited = schema.Event[MoneyDeposited]{
//		Category: ledger, Type: 0x002, Version: 2, Entity: account,
//		Upcasts: schema.Chain{schema.Step(1, depositedV1toV2)},
//	}
//
//	// MoneyDeposited records money coming in.
//	type MoneyDeposited struct {
//		Cents int64
//	}
//
//	// moneyDepositedV1 is how it was stored at first: "12.34".
//	type moneyDepositedV1 struct {
//		Amount string
//	}
//
//	func depositedV1toV2(v moneyDepositedV1) (MoneyDeposited, error) {
//		cents, err := strconv.ParseInt(strings.Replace(v.Amount, ".", "", 1), 10, 64)
//		return MoneyDeposited{Cents: cents}, err
//	}
//
// Whoever reads an event gets a MoneyDeposited, whatever was stored. Stored bytes
// are never rewritten.
//
// Once it is released, the struct of yesterday does not change, nor does what it holds
// (BP605). An enumeration may get values all the same. A struct, or another type, that
// today's version shares with it and is to change is copied: yesterday's keeps the old
// one, under a name of its own.
//
// # Projections
//
// A projection folds the events of one stream into a state. It says of each event
// of its entity what becomes of it: a handler folds it, or it is ignored.
//
//	var balance = schema.Projection[Balance]{
//		Name: "balance", Version: 1, Per: account,
//		Fold: schema.Fold[Balance]{
//			schema.On(opened, (*Balance).opened),
//			schema.On(deposited, (*Balance).deposited),
//			schema.On(withdrawn, (*Balance).withdrawn),
//		},
//		Ignore: schema.Events{flagged},
//	}
//
//	// Balance is what an account holds.
//	type Balance struct {
//		Open  bool
//		Cents int64
//	}
//
//	func (b *Balance) opened(batpak.Stored[AccountOpened])       { b.Open = true }
//	func (b *Balance) deposited(e batpak.Stored[MoneyDeposited]) { b.Cents += e.Payload.Cents }
//	func (b *Balance) withdrawn(e batpak.Stored[MoneyWithdrawn]) { b.Cents -= e.Payload.Cents }
//
// Handlers are pure: they depend on the state and the event alone, not on the
// clock, chance, package variables or the order of a map. When what they do
// changes, the projection's Version goes up.
//
// A projection without Per is folded from all streams, in the order of the log. It
// handles or ignores every event of each entity of which it folds one.
//
//	var holdings = schema.Projection[Holdings]{
//		Name: "holdings", Version: 1,
//		Fold: schema.Fold[Holdings]{
//			schema.On(deposited, (*Holdings).deposited),
//			schema.On(withdrawn, (*Holdings).withdrawn),
//		},
//		Ignore: schema.Events{opened, flagged},
//	}
//
//	// Holdings is what all accounts hold.
//	type Holdings struct{ Cents int64 }
//
//	func (h *Holdings) deposited(e batpak.Stored[MoneyDeposited]) { h.Cents += e.Payload.Cents }
//	func (h *Holdings) withdrawn(e batpak.Stored[MoneyWithdrawn]) { h.Cents -= e.Payload.Cents }
//
// The state of a projection that is Saved need not be folded from the start each
// time. The journal's method with From behind its name takes the bytes that its last
// call returned, and folds only what came since:
//
//	var turnover = schema.Projection[Turnover]{
//		Name: "turnover", Version: 1, Per: account, Saved: true,
//		Fold: schema.Fold[Turnover]{
//			schema.On(deposited, (*Turnover).deposited),
//			schema.On(withdrawn, (*Turnover).withdrawn),
//		},
//		Ignore: schema.Events{opened, flagged},
//	}
//
//	// Turnover is what went through an account.
//	type Turnover struct{ Cents int64 }
//
//	func (t *Turnover) deposited(e batpak.Stored[MoneyDeposited]) { t.Cents += e.Payload.Cents }
//	func (t *Turnover) withdrawn(e batpak.Stored[MoneyWithdrawn]) { t.Cents += e.Payload.Cents }
//
// Such a state is a struct of the schema's package, made like a payload, of which
// every field is stored. It is resumed as its codec reads it: an empty slice or map
// as nil, a time in UTC. Where the bytes lie is up to the caller, and a cache will
// do, for they can be lost at any time. They carry a digest, a fingerprint of the
// projection's version, its state and its events, and the hash of the last event.
// Bytes that do not fit the projection as it is now, the stream or its history are
// refused with a *batpak.SavedError, which means to fold from the start. That a
// handler does something else now is not seen without another Version.
//
// The store does not keep such states by itself.
//
// # Gates and commands
//
// An event that may not always be appended belongs to a command. It has no append of
// its own then; the command loads what its gates have to know, asks them in their
// order, and appends the event if none of them denies, and nothing that they were
// told has changed meanwhile.
//
//	var withdrawn = schema.Event[MoneyWithdrawn]{Category: ledger, Type: 0x003, Version: 1, Entity: account}
//
//	// MoneyWithdrawn records money going out.
//	type MoneyWithdrawn struct {
//		Cents int64
//	}
//
//	var withdraw = schema.Command[Withdrawal, MoneyWithdrawn]{
//		Name: "withdraw", Event: withdrawn,
//		Gates:  schema.Gates[Withdrawal]{isOpen, hasFunds},
//		Bypass: true,
//	}
//
//	var (
//		isOpen   = schema.Gate[Withdrawal]{Name: "is-open", Eval: denyUnlessOpen, Codes: schema.Codes{"MISSING"}}
//		hasFunds = schema.Gate[Withdrawal]{Name: "sufficient-funds", Eval: denyOverdraft}
//	)
//
// What the gates see is a struct whose fields are filled by their types: the entity's
// id, the state of a projection, the proposed event. A field with the tag "caller"
// becomes a parameter of the generated method; one with a dash stays zero.
//
//	// Withdrawal is what the gates of a withdrawal see.
//	type Withdrawal struct {
//		Account   AccountID
//		Balance   Balance
//		Proposed  MoneyWithdrawn
//		Overdraft int64 `bat:"caller"`
//	}
//
//	func denyUnlessOpen(w Withdrawal) *batpak.Denial {
//		if !w.Balance.Open {
//			return batpak.Denyf("MISSING", "there is no account %s", w.Account)
//		}
//		return nil
//	}
//
//	func denyOverdraft(w Withdrawal) *batpak.Denial {
//		if w.Proposed.Cents > w.Balance.Cents+w.Overdraft {
//			return batpak.Deny("NSF", "insufficient funds")
//		}
//		return nil
//	}
//
// Gates are pure as well. Their verdicts are stored with the event, and a denial is an
// error that names the gate and the code. A gate may list the Codes that its denials
// can have; then a denial with another one is a diagnostic, where it can be seen.
//
// With Bypass there is a method that appends the event without asking the gates, for
// repairs by hand. It takes a reason, which is stored with the event.
//
// # Reactors
//
// A reactor answers events of some kinds with events of others. Its functions may have
// effects; they add what they want appended to a batch.
//
//	var fraud = schema.Reactor[FraudWatch]{
//		Name:  "fraud-watch",
//		On:    schema.Reactions[FraudWatch]{schema.React(withdrawn, (*FraudWatch).withdrawn)},
//		Emits: schema.Events{flagged},
//	}
//
//	// FraudWatch flags accounts that much is withdrawn from.
//	type FraudWatch struct {
//		Limit int64
//		Flag  func(b *batpak.Batch, entity string)
//	}
//
//	func (f *FraudWatch) withdrawn(e batpak.Stored[MoneyWithdrawn], b *batpak.Batch) error {
//		if e.Payload.Cents > f.Limit {
//			f.Flag(b, e.Entity)
//		}
//		return nil
//	}
//
//	var flagged = schema.Event[AccountFlagged]{Category: ledger, Type: 0x010, Version: 1, Entity: account}
//
//	// AccountFlagged records that a rule found the account suspicious.
//	type AccountFlagged struct {
//		Rule string
//	}
//
// Reactors that answer themselves, through others or not, would go on for ever: a
// diagnostic, unless one of them says with Loop that it ends.
//
// # Retired kinds
//
// There may be events of a kind in a store for ever. The kind of an event that is no
// longer declared is listed with the name of its payload, and is given to no other.
//
//	var retired = schema.Retired{
//		{Category: ledger, Type: 0x005, Name: "AccountRenamed"},
//	}
//
// # One package
//
// A schema is all of one package, also among those of one module: what its
// declarations name is declared there (BP007), and the contexts of its commands are
// filled with states of its own projections (BP401). So each package has a lock file
// that knows all that it promised, and a decision is held to the stream that it is
// about. Constants, and the types of fields and ids, may come from anywhere; what another
// package stores is read with the decoders generated there, and is given to a command by
// its caller. What packages of one program may not share, kinds, prefixes and retired
// kinds, is checked among the packages of a run of batpakgen, and by batpakvet.
//
// # Why it is so
//
// Some things are other than in schema languages that you may know:
//
//   - Fields lie on disk in the order of the struct, not sorted by name. There is one
//     encoding of each value, which is read in one pass; the price is that a field may
//     not move once it is released (BP601).
//   - A schema is one package, and refers to no declaration of another, of the same
//     module or not (BP007): its lock file knows all that it promised.
//   - No generated name can be chosen. Each is made of the payload's name, or of that of
//     the entity, projection or command, so that who knows the schema knows the code; if
//     one is taken (BP701), what it is made of gets another name.
//   - A test says WhenWithdraw, and not When(withdraw, ...): declarations are not exported
//     and are read, never used, and a method has the types of the command.
//   - A bound is not asked for, and is a warning only where it is above what a store takes
//     (BP116). Most text has no bound that could be named, and whoever appends a payload
//     that is too large is told so.
//   - A promise is taken back by the name of the thing, batpakgen lock -accept 1:002@3 or
//     entity:account, and not by the code of the diagnostic: one act may answer several.
//   - A gate does not load anything, and a fold cannot fail: what they depend on is in their
//     arguments, so that they can be asked again at any time.
//   - Integers without a size are refused, since what one machine stores need not fit in
//     those of another. Floats and maps are opted in: equal ones could be encoded in
//     several ways.
//
// # Tests
//
// What is generated has tests beside it, in files *_gen_test.go, unless batpakgen is
// told -no-tests. There is a generator for each payload, GenAccountOpened, which
// keeps to the bounds and constants above and shrinks; a type with a codec of its own
// may implement testing/quick.Generator if none of its values is found. Each codec,
// chain of upcasts, projection and command is held to its laws, and each decoder is a
// fuzz target, FuzzBatpakAccountOpened. So a fold and a gate have to take any events
// in any order, and an upcast any payload that there may be; it may refuse one with
// an error, but not panic.
//
// Tests of your own say what a command does: Given some events, WhenWithdraw is
// called, ThenDenied with a code, ThenAppended or ThenError; ThenBalance says what
// state a projection is in. The ids are 1 until OnAccount gives another.
//
// Values follow from a seed. A test that fails prints it, in the command that runs it
// again: BATPAK_SEED is the seed, and BATPAK_EFFORT a factor for the number of cases.
package schema
