package diag

// Describe returns one line that says what a code stands for, and whether the
// code exists.
func Describe(code string) (string, bool) {
	for _, c := range codes() {
		if c[0] == code {
			return c[1], true
		}
	}
	return "", false
}

// Codes returns all codes in ascending order.
func Codes() []string {
	table := codes()
	list := make([]string, len(table))
	for i, c := range table {
		list[i] = c[0]
	}
	return list
}

// codes is the table of codes and their meanings, ascending.
func codes() [][2]string {
	return [][2]string{
		{"BP001", "a schema declaration has no initialiser of its own, or is not at package level"},
		{"BP002", "a schema value is not static: not a constant, literal, declared name or call of package schema"},
		{"BP003", "a literal has a form that is not read statically"},
		{"BP004", "the schema refers to an identifier that batpakgen generates"},
		{"BP005", "a type that the schema reaches does not type-check"},
		{"BP006", "the schema holds a function literal, or a function that generated code cannot name"},
		{"BP007", "the schema refers to a declaration or function of another package"},
		{"BP008", "a schema declaration is assigned or its address is taken"},
		{"BP009", "a schema file has a build constraint"},
		{"BP101", "a payload is not a named struct of the schema's package"},
		{"BP102", "a payload has an unexported or embedded field"},
		{"BP103", "a payload field has a type that cannot be stored"},
		{"BP104", "a payload field has an integer type whose size depends on the platform"},
		{"BP105", "a payload field is a floating-point number that is not opted in"},
		{"BP106", "a payload field is a map that is not opted in, or has keys without an order"},
		{"BP107", "a payload type contains itself"},
		{"BP108", "two fields of a struct have one wire name"},
		{"BP109", "a bat tag is malformed"},
		{"BP110", "an event lacks its category, type or entity"},
		{"BP111", "a category is reserved or out of range"},
		{"BP112", "a type id does not fit in 12 bits"},
		{"BP113", "two events have one kind"},
		{"BP114", "two events have one payload type"},
		{"BP115", "a kind that was retired is given again, or what is retired is no kind"},
		{"BP116", "a bound is above what a store takes by default"},
		{"BP117", "an enumeration has an unsuitable type or no values, or is declared twice"},
		{"BP120", "an event has no version"},
		{"BP121", "the steps of an upcast chain do not follow each other"},
		{"BP122", "an upcast takes another type than the one before it returns"},
		{"BP123", "an upcast chain does not end at the event's version"},
		{"BP124", "the last upcast does not return the event's payload"},
		{"BP125", "an upcast is not pure"},
		{"BP201", "an entity's prefix or scope is malformed or taken"},
		{"BP202", "two entities have one id type"},
		{"BP203", "an entity's id type is not a named string or integer"},
		{"BP301", "a projection neither folds nor ignores an event of its entity"},
		{"BP302", "a projection mentions an event twice"},
		{"BP303", "a projection mentions an event of an entity that it is not about"},
		{"BP304", "a fold is not pure"},
		{"BP305", "a projection folds nothing"},
		{"BP306", "a state that is saved has a field that cannot be stored"},
		{"BP307", "a projection's name is malformed or taken"},
		{"BP308", "a projection lacks its version, or its state is not a named type"},
		{"BP401", "a gate context cannot be filled"},
		{"BP402", "a gate is used by no command, or a command has no gates"},
		{"BP403", "a gate's name is malformed or taken"},
		{"BP404", "a gate is not pure"},
		{"BP405", "an event belongs to two commands"},
		{"BP406", "a command's name is malformed or taken"},
		{"BP407", "a gate has no Eval, or a command no Event"},
		{"BP408", "a gate denies with a code that it does not declare, or declares one badly"},
		{"BP501", "reactors emit what they react to"},
		{"BP502", "a reactor's name, type or reactions are malformed"},
		{"BP601", "a released shape was changed without another version"},
		{"BP602", "the kind of a released event was changed"},
		{"BP603", "a released event is gone and not retired"},
		{"BP604", "the version of an event went down, or more than one up"},
		{"BP605", "the released shape of an earlier version was changed"},
		{"BP606", "the entity of released events has another prefix, scope or type of ids"},
		{"BP607", "a released projection folds other events without another version"},
		{"BP608", "a released command lost a gate"},
		{"BP609", "a wire name that was given up is used again with another type"},
		{"BP610", "the lock file cannot be used"},
		{"BP611", "frozen payloads are missing or altered"},
		{"BP612", "something is not released, and drafts are not allowed"},
		{"BP701", "a generated name collides with a declared one"},
		{"BP702", "an output file exists and was not generated"},
		{"BP703", "an output file is stale, missing or no longer produced"},
		{"BP900", "generated code does not type-check"},
	}
}
