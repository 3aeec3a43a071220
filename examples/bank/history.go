package bank

import (
	"fmt"
	"strconv"
	"strings"
)

// moneyDepositedV1 is how deposits were stored at first.
type moneyDepositedV1 struct {
	Amount string // cents in decimal
}

// moneyDepositedV2 has the amount as a number, and says where money comes from.
type moneyDepositedV2 struct {
	Amount Cents
	Source string // "kind:ref"
}

func depositedV1toV2(v moneyDepositedV1) (moneyDepositedV2, error) {
	amount, err := strconv.ParseInt(v.Amount, 10, 64)
	if err != nil {
		return moneyDepositedV2{}, fmt.Errorf("amount: %w", err)
	}
	return moneyDepositedV2{Amount: Cents(amount), Source: "unknown:"}, nil
}

func depositedV2toV3(v moneyDepositedV2) (MoneyDeposited, error) {
	kind, ref, ok := strings.Cut(v.Source, ":")
	if !ok {
		return MoneyDeposited{}, fmt.Errorf("source %q: want kind:ref", v.Source)
	}
	return MoneyDeposited{Amount: v.Amount, Source: Source{Kind: kind, Ref: ref}}, nil
}
