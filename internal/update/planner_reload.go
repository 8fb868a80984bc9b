package update

// reload plans the replacement in place: each old container has stopped before
// its successor starts, and requests wait. It needs no memory for second
// copies.
func (p *Planner) reload() {
	p.inPlace = true
	p.rolling()
}
