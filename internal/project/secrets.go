package project

import "slices"

// shortestSecret is the length from which a value is worth hiding: taking
// shorter ones out of every text would make it unreadable.
const shortestSecret = 6

// Secrets lists the values that must not be shown: those of environment
// variables whose names say so, and the contents of secrets and configs that
// come from a variable.
func (p *Project) Secrets() []string {
	var values []string
	add := func(value string) {
		if len(value) >= shortestSecret && !slices.Contains(values, value) {
			values = append(values, value)
		}
	}
	for _, service := range p.Compose.Services {
		for name, value := range service.Environment {
			if value != nil && secretKey.MatchString(name) {
				add(*value)
			}
		}
	}
	for _, secret := range p.Compose.Secrets {
		add(secret.Content)
		if secret.Environment != "" {
			add(p.Compose.Environment[secret.Environment])
		}
	}
	slices.Sort(values)
	return values
}
