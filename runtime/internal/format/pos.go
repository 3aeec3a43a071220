package format

import "encoding/binary"

// Pos is where a record lies.
type Pos struct {
	Segment uint32 // number of the segment
	Offset  uint32 // of the record in the segment, in bytes
	Length  uint32 // of the record, in bytes
}

// Check reports whether the record that lies there in a group, from whose start its offset
// counts, is as [AppendRecord] has made it.
func (p Pos) Check(group []byte, seed uint32) error {
	rec := group[p.Offset:][:p.Length]
	if binary.LittleEndian.Uint32(rec) != checksum(seed, rec[4:]) {
		return damaged(int(p.Offset), "record with a wrong checksum")
	}
	return nil
}
