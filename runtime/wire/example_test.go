package wire_test

import (
	"fmt"

	"github.com/batpak-go/batpak/runtime/wire"
)

// MoneyDeposited and the two functions below it have the shape of generated
// code.
type MoneyDeposited struct {
	Amount int64
	Source Source
	Memo   *string
	Tags   []string
	Proof  [4]byte
}

type Source struct {
	Kind  string
	Marks [2]uint8
}

var (
	moneyDepositedFields = []wire.Field{
		{Name: "amount"}, {Name: "source"}, {Name: "memo", Optional: true}, {Name: "tags"}, {Name: "proof"},
	}
	sourceFields = []wire.Field{{Name: "kind"}, {Name: "marks"}}
)

func appendMoneyDeposited(dst []byte, v *MoneyDeposited) []byte {
	fields := 4
	if v.Memo != nil {
		fields++
	}
	dst = wire.AppendStruct(dst, fields)
	dst = wire.AppendString(dst, "amount")
	dst = wire.AppendInt(dst, v.Amount)
	dst = wire.AppendString(dst, "source")
	dst = appendSource(dst, &v.Source)
	if v.Memo != nil {
		dst = wire.AppendString(dst, "memo")
		dst = wire.AppendString(dst, *v.Memo)
	}
	dst = wire.AppendString(dst, "tags")
	dst = wire.AppendArray(dst, len(v.Tags))
	for _, e := range v.Tags {
		dst = wire.AppendString(dst, e)
	}
	dst = wire.AppendString(dst, "proof")
	return wire.AppendBytes(dst, v.Proof[:])
}

func appendSource(dst []byte, v *Source) []byte {
	dst = wire.AppendStruct(dst, 2)
	dst = wire.AppendString(dst, "kind")
	dst = wire.AppendString(dst, v.Kind)
	dst = wire.AppendString(dst, "marks")
	dst = wire.AppendArray(dst, len(v.Marks))
	for _, e := range v.Marks {
		dst = wire.AppendUint(dst, uint64(e))
	}
	return dst
}

func parseMoneyDeposited(src []byte) (v MoneyDeposited, err error) {
	d := wire.NewDecoder(src)
	for s := d.Struct("MoneyDeposited", moneyDepositedFields); s.Next(); {
		switch s.Index() {
		case 0:
			v.Amount = d.Int64()
		case 1:
			decodeSource(d, &v.Source)
		case 2:
			memo := d.String()
			v.Memo = &memo
		case 3:
			for a := d.Array(); a.Next(); {
				v.Tags = append(v.Tags, d.String())
			}
		case 4:
			d.FixedBytes(v.Proof[:])
		}
	}
	return v, d.Finish()
}

func decodeSource(d *wire.Decoder, v *Source) {
	for s := d.Struct("Source", sourceFields); s.Next(); {
		switch s.Index() {
		case 0:
			v.Kind = d.String()
		case 1:
			for a := d.FixedArray(len(v.Marks)); a.Next(); {
				v.Marks[a.Index()] = d.Uint8()
			}
		}
	}
}

func Example() {
	src := appendMoneyDeposited(nil, &MoneyDeposited{
		Amount: 500,
		Source: Source{Kind: "cash", Marks: [2]uint8{1, 2}},
		Tags:   []string{"first"},
	})
	fmt.Printf("%q\n", src)

	v, err := parseMoneyDeposited(src)
	fmt.Println(v.Amount, v.Source.Kind, v.Source.Marks, v.Tags, err)

	_, err = parseMoneyDeposited(src[:26])
	fmt.Println(err)
	// Output:
	// "\x84\xa6amount\xcd\x01\xf4\xa6source\x82\xa4kind\xa4cash\xa5marks\x92\x01\x02\xa4tags\x91\xa5first\xa5proof\xc4\x04\x00\x00\x00\x00"
	// 500 cash [1 2] [first] <nil>
	// decode Source.kind at byte 25: input ends inside a value
}
