// Package draw generates the values that laws are held against, of the user's own
// types, and knows how to make each smaller.
//
// Its generators are gopter's, but for what gopter forgets: one of a named type
// shrinks, instants are in UTC, integers and text come in all the sizes at which an
// encoding changes its form. Generated code makes those of payloads out of them:
//
//	func GenMoneyDeposited() gopter.Gen {
//		return gopter.DeriveGen(
//			func(amount Cents, memo string) MoneyDeposited { return MoneyDeposited{Amount: amount, Memo: memo} },
//			func(v MoneyDeposited) (Cents, string) { return v.Amount, v.Memo },
//			draw.Ints[Cents](), draw.Texts[string](80))
//	}
//
// All that is drawn comes from the random numbers of a check, so that its seed
// repeats it. What is drawn can be stored and survives that: it has no NaN, no empty
// list that is not nil, no text that is not UTF-8. The package holds nothing to any
// law; package props does.
package draw
