package wire_test

import (
	"fmt"

	"github.com/batpak-go/batpak/runtime/wire"
)

// MoneyDeposited and the functions below it have the shape of generated
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
	moneyDepositedShape = wire.NewShape("MoneyDeposited", "amount", "source", "memo?", "tags", "proof")
	sourceShape         = wire.NewShape("Source", "kind", "marks")
)

func appendMoneyDeposited(dst []byte, v *MoneyDeposited) []byte {
	dst = wire.AppendStruct(dst, 4+wire.Present(v.Memo != nil))
	dst = wire.AppendInt(wire.AppendString(dst, "amount"), v.Amount)
	dst = appendSource(wire.AppendString(dst, "source"), v.Source)
	if v.Memo != nil {
		dst = wire.AppendString(wire.AppendString(dst, "memo"), *v.Memo)
	}
	dst = wire.AppendArray(wire.AppendString(dst, "tags"), len(v.Tags))
	for _, item := range v.Tags {
		dst = wire.AppendString(dst, item)
	}
	dst = wire.AppendBytes(wire.AppendString(dst, "proof"), v.Proof[:])
	return dst
}

func appendSource(dst []byte, v Source) []byte {
	dst = wire.AppendStruct(dst, 2)
	dst = wire.AppendString(wire.AppendString(dst, "kind"), v.Kind)
	dst = wire.AppendArray(wire.AppendString(dst, "marks"), len(v.Marks))
	for _, item := range v.Marks {
		dst = wire.AppendUint(dst, uint64(item))
	}
	return dst
}

func parseMoneyDeposited(src []byte) (v MoneyDeposited, err error) {
	d := wire.NewDecoder(src)
	err = wire.Finish(d, &v, decodeMoneyDeposited(d))
	return v, err
}

func decodeMoneyDeposited(d *wire.Decoder) MoneyDeposited {
	var v MoneyDeposited
	s := d.Struct(moneyDepositedShape)
	for s.Next() {
		switch s.Index() {
		case 0:
			v.Amount = d.Int64()
		case 1:
			v.Source = decodeSource(d)
		case 2:
			v.Memo = new(d.String())
		case 3:
			a := wire.Slice(d, &v.Tags, 1)
			for a.Next() {
				v.Tags = append(v.Tags, d.String())
			}
		case 4:
			d.FixedBytes(v.Proof[:])
		}
	}
	return v
}

func decodeSource(d *wire.Decoder) Source {
	var v Source
	s := d.Struct(sourceShape)
	for s.Next() {
		switch s.Index() {
		case 0:
			v.Kind = d.String()
		case 1:
			a := d.FixedArray(2)
			for a.Next() {
				v.Marks[a.Index()] = d.Uint8()
			}
		}
	}
	return v
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
