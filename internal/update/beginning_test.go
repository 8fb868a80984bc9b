package update

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"gapless/internal/project"
)

// beginsWith makes the nginx that runs one that reads no upstreams, and every
// other one of that service one that does not start without them.
func (w *world) beginsWith(p *project.Project) {
	w.front = p.Settings.Front.Service
	for _, c := range w.containers {
		w.deaf[c.ID] = c.Service == w.front
	}
	for _, s := range p.Services {
		if s.Route != nil {
			w.needs = append(w.needs, s.Name)
		}
	}
}

// checkBeginning looks whether an nginx that runs has all upstreams.
func (w *world) checkBeginning(label string) {
	for _, c := range w.containers {
		if w.front == "" || c.Service != w.front || !c.Running || w.deaf[c.ID] {
			continue
		}
		for _, name := range w.needs {
			if _, found := w.routes[name]; !found {
				w.violations = append(w.violations, fmt.Sprintf("%s finds no upstream of %s after %s", c.Name, name, label))
			}
		}
	}
}

// tell is what every nginx that runs is told, unless it is to find it at a start.
func (w *world) tell(atStart bool) error {
	for _, c := range w.containers {
		if c.Running && w.deaf[c.ID] && !atStart {
			return fmt.Errorf("nginx in %s does not read what was written", c.Name)
		}
	}
	return nil
}

// TestBeginsAlone: what would switch in an nginx that reads no files is refused
// with the two commands that begin it.
func TestBeginsAlone(t *testing.T) {
	mountedNow := with(unmounted, func(c *Container) { c.Binds = map[string]string{"/etc/nginx": "."} })
	elsewhere := with(unmounted, func(c *Container) { c.Binds = map[string]string{"/etc/nginx/upstreams": "other"} })
	for name, c := range map[string]struct {
		running []Container
		routed  []string
		options Options
		want    string // empty: it is planned
	}{
		"with the api":                 {[]Container{unmounted, up("api", 1), now("worker", 1)}, nil, Options{}, "api cannot change in the same update"},
		"with a worker":                {[]Container{unmounted, now("api", 1), up("worker", 1)}, nil, Options{}, "worker cannot change in the same update"},
		"both are named":               {[]Container{unmounted, up("api", 1), up("worker", 1)}, nil, Options{Named: []string{"nginx", "api"}}, "api cannot change in the same update"},
		"by another strategy":          {[]Container{unmounted, up("api", 1), up("worker", 1)}, nil, Options{Strategy: StrategyBlueGreen}, "api, worker cannot change in the same update"},
		"before nginx":                 {[]Container{unmounted, up("api", 1), now("worker", 1)}, nil, Options{Named: []string{"api"}}, "api cannot change in the same update"},
		"the files of another time":    {[]Container{unmounted, up("api", 1), now("worker", 1)}, []string{"api"}, Options{}, "api cannot change in the same update"},
		"another directory is mounted": {[]Container{elsewhere, up("api", 1), now("worker", 1)}, []string{"api"}, Options{}, "api cannot change in the same update"},
		"nginx alone":                  {[]Container{unmounted, now("api", 1), now("worker", 1)}, nil, Options{}, ""},
		"nginx is named":               {[]Container{unmounted, up("api", 1), up("worker", 1)}, nil, Options{Named: []string{"nginx"}}, ""},
		"the directory above is there": {[]Container{mountedNow, up("api", 1), now("worker", 1)}, []string{"api"}, Options{}, ""},
		"nginx stays and was not told": {[]Container{front("nginx"), up("api", 1), now("worker", 1)}, nil, Options{}, ""},
		"no nginx runs":                {[]Container{up("api", 1), now("worker", 1)}, nil, Options{}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := scenario{services: []project.Service{mounted, web("api"), plain("worker", project.RoleWorker)}, running: c.running, routed: c.routed,
				native: "nginx", release: &Release{Number: 7}, options: c.options}
			_, plan, err := s.build()
			var refused *RefusedError
			if errors.As(err, &refused) != (c.want != "") || c.want == "" && err != nil {
				t.Fatalf("%v\n%s", err, plan.Text())
			}
			if c.want != "" && (!strings.Contains(refused.Reason, c.want) || !strings.Contains(refused.Hint(), "gapless update nginx, then gapless update")) {
				t.Errorf("says %q, hint %q", refused.Reason, refused.Hint())
			}
		})
	}
}

// TestBeginningByAScript: an nginx of which nobody knows how it is called is not
// made anew in vain, unless another image may say it.
func TestBeginningByAScript(t *testing.T) {
	scripted := with(unmounted, func(c *Container) { c.Entrypoint, c.Command = []string{"/start.sh"}, nil })
	s := scenario{services: []project.Service{mounted, web("api")}, running: []Container{scripted, now("api", 1)}, native: "nginx", release: &Release{Number: 7}}
	var refused *RefusedError
	if _, plan, err := s.build(); !errors.As(err, &refused) || !strings.Contains(err.Error(), "how it calls nginx") {
		t.Errorf("%v\n%s", err, plan.Text())
	}
	s.running[0].ImageID = oldImage
	if _, _, err := s.build(); err != nil {
		t.Error(err)
	}
}

// TestBeginsByFiles: an nginx that cannot see its new file begins when it is
// restarted, alone; one that can be told to read it is switched at once.
func TestBeginsByFiles(t *testing.T) {
	const file = "/etc/nginx/nginx.conf"
	running := with(front("nginx"), func(c *Container) { c.Binds = map[string]string{"/etc/nginx/upstreams": "upstreams"} })
	for name, c := range map[string]struct {
		stale []string
		api   Container
		want  string // in the plan, or why there is none
	}{
		"the file was replaced":               {[]string{file}, now("api", 1), "restart  shop-nginx-1"},
		"and the api changed":                 {[]string{file}, up("api", 1), "api cannot change in the same update"},
		"the file was written":                {nil, now("api", 1), "reload  shop-nginx-1"},
		"it was written, and the api changed": {nil, up("api", 1), "switch  api"},
	} {
		t.Run(name, func(t *testing.T) {
			s := scenario{services: []project.Service{mounted, web("api")}, running: []Container{running, c.api}, native: "nginx",
				release: &Release{Number: 7}, files: map[string][]string{"nginx": {file}}, stale: c.stale}
			_, plan, err := s.build()
			text := plan.Text()
			if err != nil {
				text = err.Error()
			}
			if !strings.Contains(text, c.want) || strings.Contains(text, "confirm") != (c.want == "restart  shop-nginx-1") {
				t.Errorf("no %q:\n%s", c.want, text)
			}
		})
	}
}

// TestBeginningIsConfirmed: an nginx that was made anew and reads another place
// gives way to the one before, and leaves no file.
func TestBeginningIsConfirmed(t *testing.T) {
	w, plan, err := scenarioNamed(t, "nginx is yet to be mounted").build()
	if err != nil {
		t.Fatal(err)
	}
	before := w.summary()
	w.brokenCall = "edge up"
	outcome, _, err := start(w, &plan)
	if err != nil || outcome.Result != ResultRolledBack {
		t.Fatalf("%+v, %v", outcome, err)
	}
	if after := w.summary(); after != before {
		t.Errorf("changed:\n%s\n%s", before, after)
	}
}

// TestBeginningThatIsRefused: nginx does not take its new files, and nothing was
// touched.
func TestBeginningThatIsRefused(t *testing.T) {
	s := scenarioNamed(t, "nginx is yet to be mounted, and the application changed too")
	s.failing = "nginx"
	w, plan, err := s.build()
	if err != nil {
		t.Fatal(err)
	}
	w.abortsUntouched(t, &plan)
}

// TestAfterTheBeginning: the update that comes next switches, in the nginx that
// was made anew.
func TestAfterTheBeginning(t *testing.T) {
	s := scenarioNamed(t, "nginx is yet to be mounted, and the application changed too")
	w, plan, err := s.build()
	if err != nil {
		t.Fatal(err)
	}
	if outcome, _, err := start(w, &plan); err != nil || outcome.Result != ResultCommitted {
		t.Fatalf("%+v, %v", outcome, err)
	}
	next := scenario{services: s.services, native: "nginx", release: &Release{Number: 8}, routed: []string{"api"}}
	for _, c := range w.containers {
		next.running = append(next.running, *c)
	}
	i := slices.IndexFunc(next.running, func(c Container) bool { return c.Service == "nginx" })
	next.running[i].Binds, next.running[i].ConfigHash = map[string]string{"/etc/nginx/upstreams": "upstreams"}, "hash"
	_, plan, err = next.build()
	if err != nil {
		t.Fatal(err)
	}
	if text := plan.Text(); !strings.Contains(text, "switch  api") || strings.Contains(text, "start   shop-nginx") {
		t.Error(text)
	}
}
