package format

// Pos is where a record lies.
type Pos struct {
	Segment uint32 // number of the segment
	Offset  uint32 // of the record in the segment, in bytes
	Length  uint32 // of the record, in bytes
}
