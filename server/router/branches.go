package router

// fewBranches is how many branches are searched one by one. Comparing that many
// short strings costs less than hashing one.
const fewBranches = 8

// branches leads from a node to the next by a literal segment.
type branches struct {
	few  []branch
	many map[string]*node // holds all once there are too many for few
}

type branch struct {
	text string
	node *node
}

// add adds a branch whose text is not yet there.
func (b *branches) add(text string, n *node) {
	if len(b.few) < fewBranches && b.many == nil {
		b.few = append(b.few, branch{text, n})
		return
	}
	if b.many == nil {
		b.many = make(map[string]*node)
		for _, old := range b.few {
			b.many[old.text] = old.node
		}
		b.few = nil
	}
	b.many[text] = n
}

// find returns the node behind text, or nil.
func (b *branches) find(text []byte) *node {
	if b.many != nil {
		return b.many[string(text)]
	}
	for i := range b.few {
		if b.few[i].text == string(text) {
			return b.few[i].node
		}
	}
	return nil
}
