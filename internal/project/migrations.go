package project

import "strings"

// PlannedMigrations reads what the Pending command of a service printed: the
// names of the migrations that are due.
func (s Service) PlannedMigrations(printed []string) []string {
	if s.Framework == FrameworkDjango {
		return djangoPlanned(printed)
	}
	var names []string
	for _, line := range printed {
		if line = strings.TrimSpace(line); line != "" {
			names = append(names, line)
		}
	}
	return names
}

// djangoPlanned reads the output of migrate --plan: after the heading each
// migration has a line, and its operations have indented ones.
func djangoPlanned(printed []string) []string {
	var names []string
	listing := false
	for _, line := range printed {
		name := strings.TrimSpace(line)
		switch {
		case name == "Planned operations:":
			listing = true
		case listing && name != "" && name == strings.TrimRight(line, " \r") && !strings.Contains(name, " "):
			app, migration, found := strings.Cut(name, ".")
			if found {
				names = append(names, app+"/"+migration)
			}
		}
	}
	return names
}
