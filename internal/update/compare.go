package update

import (
	"errors"

	"gapless/internal/change"
	"gapless/internal/project"
)

// Compare forecasts every strategy for the same change. The first is what
// auto picks.
//
// It returns an error only where no strategy can be planned at all.
func Compare(state State, p *project.Project, changes []change.Change, options Options) (picked string, forecasts []Forecast, err error) {
	plan, err := Make(state, p, changes, options)
	if err != nil {
		return "", nil, err
	}
	for _, name := range Strategies() {
		options.Strategy = name
		candidate, err := Make(state, p, changes, options)
		var refused *StrategyError
		if errors.As(err, &refused) {
			regardless := options
			regardless.regardless = true
			candidate, err = Make(state, p, changes, regardless)
		}
		if err != nil {
			return "", nil, err
		}
		forecast := candidate.Forecast(state)
		if refused != nil {
			forecast.Refused = refused.Reason
		}
		forecasts = append(forecasts, forecast)
	}
	return plan.Strategy, forecasts, nil
}
