package project

import (
	"strings"
	"testing"
)

// TestMigrateOnly names migrations only to a command whose words are known.
func TestMigrateOnly(t *testing.T) {
	service := Service{Framework: FrameworkDjango, FrameworkCommand: []string{"python3", "manage.py"}}
	service.Migrate = []string{"python3", "manage.py", "migrate", "--noinput"}
	command := service.MigrateOnly([]string{"tours/0003_price", "auth/0013"})
	if len(command) != 5 || strings.Join(command[:4], " ") != "python3 manage.py shell -c" || !strings.Contains(command[4], `in ["tours/0003_price","auth/0013"]:`) {
		t.Errorf("%q", command)
	}
	service.Migrate = []string{"./migrate.sh"}
	if command := service.MigrateOnly([]string{"tours/0003_price"}); command != nil {
		t.Errorf("of a script that nobody knows: %q", command)
	}
}
