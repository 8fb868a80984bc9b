package project

func (c *checker) meaning(p *Project) {}
func (c *checker) warn(p *Project) {}
func (c *checker) combinations(p *Project, own map[string]ServiceSettings) {}
func (c *checker) loaderError(err error) {
	c.faults.add(position{file: c.index.sources[0].file}, "", "", "%s", err)
}
