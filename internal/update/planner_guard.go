package update

import "slices"

// guard is the guard of the migrations of a service; nil where nobody knows that
// they work on a Postgres of the project which stays as it is.
func (p *Planner) guard(m migration) *Guard {
	if m.judged == nil || m.judged.Database == nil || m.judged.Source != JudgedByTrace || p.replaced(m.judged.Database.Container) {
		return nil
	}
	g := guardOf(*m.judged.Database, m.judged.Migrations)
	if p.plan.Strategy == StrategyQuick {
		g.down()
	}
	return g
}

// replaced tells whether a container is one of a service that changes.
func (p *Planner) replaced(container string) bool {
	return slices.ContainsFunc(p.work, func(w work) bool {
		return slices.ContainsFunc(p.state.ContainersOf(w.service.Name), func(c Container) bool { return c.Name == container })
	})
}
