package project

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestInputs loads the project of every case and compares what the user is
// told: the problems, or the services with their roles and the findings.
func TestInputs(t *testing.T) {
	for _, path := range goldenCases(t, "testdata/input/*.txtar") {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			golden := readArchive(t, path)
			files := map[string]string{}
			for name, content := range golden.files {
				if name != "want" && name != "environ" {
					files[name] = unescape(content)
				}
			}
			directory := writeFiles(t, files)
			started := processorTime(t)
			loaded, err := Load(context.Background(), Options{
				ProjectDirectory: directory,
				Files:            composeFiles(directory, golden.names),
				Environ:          strings.Fields(golden.files["environ"]),
			})
			if spent := processorTime(t) - started; spent > 2*time.Second {
				t.Errorf("took %s", spent)
			}
			got := describe(loaded, err)
			golden.expect(t, path, "want", strings.ReplaceAll(got, directory, "$DIR"))
		})
	}
}

// unescape lets a golden file hold bytes that editors spoil.
func unescape(content string) string {
	return strings.NewReplacer(`{{NUL}}`, "\x00", `{{FFFE}}`, "\xff\xfe", `{{ESC}}`, "\x1b", `{{TAB}}`, "\t",
		`{{NONE}}`+"\n", "").Replace(content)
}

func composeFiles(directory string, names []string) []string {
	var files []string
	for _, name := range names {
		if strings.HasPrefix(name, "compose") {
			files = append(files, filepath.Join(directory, name))
		}
	}
	return files
}

func describe(loaded *Project, err error) string {
	var text strings.Builder
	var input *InputError
	switch {
	case errors.As(err, &input):
		fmt.Fprintln(&text, "refused")
		fmt.Fprintln(&text, input)
		return text.String()
	case err != nil:
		fmt.Fprintf(&text, "failed: %s\n", err)
		return text.String()
	}
	fmt.Fprintf(&text, "loaded %s\n", loaded.Name)
	for _, service := range loaded.Services {
		fmt.Fprintf(&text, "%s %s: %s", service.Role, service.Name, service.RoleReason)
		if service.Route != nil {
			fmt.Fprintf(&text, "; route %v%s -> %d health %q", service.Route.Hosts, service.Route.Path, service.Route.Port, service.Route.HealthPath)
			if service.Route.On != ListenerAll {
				fmt.Fprintf(&text, " on %s", service.Route.On)
			}
		}
		if reason, yes := service.CannotOverlap(); yes {
			fmt.Fprintf(&text, "; stop-first: %s", reason)
		}
		if service.Framework != FrameworkNone {
			fmt.Fprintf(&text, "; %s: %s", service.Framework, service.FrameworkReason)
		}
		fmt.Fprintln(&text)
		describePreparation(&text, service)
	}
	for _, finding := range loaded.Findings {
		fmt.Fprintf(&text, "warning: %s\n", finding)
	}
	return text.String()
}

func describePreparation(text *strings.Builder, service Service) {
	for _, check := range service.Checks {
		fmt.Fprintf(text, "  check: %s\n", strings.Join(check, " "))
	}
	for _, one := range []struct {
		what string
		argv []string
	}{{"migrate", service.Migrate}, {"pending", service.Pending}, {"static", service.Static}} {
		if len(one.argv) > 0 {
			fmt.Fprintf(text, "  %s: %s\n", one.what, strings.Join(one.argv, " "))
		}
	}
	if service.StaticTarget != "" {
		fmt.Fprintf(text, "  static files in: %s\n", service.StaticTarget)
	}
	if service.Compatible != nil {
		fmt.Fprintf(text, "  compatible: %t\n", *service.Compatible)
	}
	if service.Reload != nil {
		fmt.Fprintf(text, "  reload: %s%s\n", service.Reload.Signal, strings.Join(service.Reload.Command, " "))
	}
}
