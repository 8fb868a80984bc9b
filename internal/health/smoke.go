package health

import (
	"context"
	"net/http"
	"time"

	"gapless/internal/update"
)

// smoke returns a look at the paths that must not answer with an error before
// users are let in. A redirect is an answer: such a page may want a login.
func (g *Gate) smoke(spec update.GateSpec, by send) look {
	return func(ctx context.Context, c update.Container) answer {
		for _, path := range spec.Smoke {
			status, found := ask(ctx, spec, path, c, by)
			if found.hopeless != "" {
				return found
			}
			if status == 0 || status >= http.StatusBadRequest {
				return answer{text: "smoke " + path + ": " + found.text, smoke: true}
			}
		}
		return answer{ok: true}
	}
}

// smokes tries the smoke paths of a container that is healthy otherwise. One
// that fails starts the row of successes anew: it may still be warming up.
func (a *attempt) smokes(ctx context.Context) (passed bool) {
	if a.smoke == nil {
		return true
	}
	c, trouble := a.observe(ctx)
	if trouble.text != "" || trouble.hopeless != "" {
		return false // the next round finds the same and says it
	}
	begin := time.Now()
	ctx, cancel := context.WithTimeout(ctx, time.Duration(len(a.spec.Smoke))*a.spec.Timeout)
	defer cancel()
	found := a.smoke(ctx, c)
	a.note(ctx, found, time.Since(begin))
	return found.ok
}
