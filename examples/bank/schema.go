package bank

import "github.com/batpak-go/batpak/schema"

//go:generate go tool batpakgen

// region: schema
const ledger schema.Category = 0x1

var account = schema.Entity[AccountID]{Prefix: "account", Scope: "ledger"}

var (
	opened    = schema.Event[AccountOpened]{Category: ledger, Type: 0x001, Version: 1, Entity: account}
	deposited = schema.Event[MoneyDeposited]{
		Category: ledger, Type: 0x002, Version: 3, Entity: account,
		Upcasts: schema.Chain{schema.Step(1, depositedV1toV2), schema.Step(2, depositedV2toV3)},
	}
	withdrawn = schema.Event[MoneyWithdrawn]{Category: ledger, Type: 0x003, Version: 1, Entity: account}
	frozen    = schema.Event[AccountFrozen]{Category: ledger, Type: 0x004, Version: 1, Entity: account}
	flagged   = schema.Event[AccountFlagged]{Category: ledger, Type: 0x010, Version: 1, Entity: account}
)

// A balance is what an account holds and whether it may be used.
var balance = schema.Projection[Balance]{
	Name: "balance", Version: 1, Per: account, Saved: true,
	Fold: schema.Fold[Balance]{
		schema.On(opened, (*Balance).opened),
		schema.On(deposited, (*Balance).deposited),
		schema.On(withdrawn, (*Balance).withdrawn),
		schema.On(frozen, (*Balance).frozen),
	},
	Ignore: schema.Events{flagged},
}

// An account's activity is how often it was used, and on which day how much
// left it.
var activity = schema.Projection[Activity]{
	Name: "activity", Version: 1, Per: account,
	Fold: schema.Fold[Activity]{
		schema.On(deposited, (*Activity).deposited),
		schema.On(withdrawn, (*Activity).withdrawn),
		schema.On(flagged, (*Activity).flagged),
	},
	Ignore: schema.Events{opened, frozen},
}

var (
	notFrozen  = schema.Gate[Withdrawal]{Name: "not-frozen", Eval: denyFrozen}
	funds      = schema.Gate[Withdrawal]{Name: "sufficient-funds", Eval: denyOverdraft}
	dailyLimit = schema.Gate[Withdrawal]{Name: "daily-limit", Eval: denyOverLimit}
)

// Money leaves an account only this way.
var withdraw = schema.Command[Withdrawal, MoneyWithdrawn]{
	Name:  "withdraw",
	Event: withdrawn,
	Gates: schema.Gates[Withdrawal]{notFrozen, funds, dailyLimit},
}

// endregion
