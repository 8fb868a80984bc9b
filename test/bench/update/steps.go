package main

import (
	"encoding/json"
	"strings"
	"time"
)

// step is one step of an update as Gapless tells it; its parts happen at the
// same time and count as one.
type step struct {
	verb string
	span span
}

// stepsOf reads the output of gapless update --progress json: when it had
// planned, and its steps.
func stepsOf(text string) (planned time.Time, steps []step) {
	numbers := map[int]int{}
	for _, line := range strings.Split(text, "\n") {
		var event struct {
			Type   string    `json:"type"`
			Event  string    `json:"event"`
			Time   time.Time `json:"time"`
			Step   int       `json:"step"`
			Verb   string    `json:"verb"`
			State  string    `json:"state"`
			Object string    `json:"object"`
		}
		if json.Unmarshal([]byte(line), &event) != nil {
			continue
		}
		if event.Type == "notice" && event.Event == "run-started" {
			planned = event.Time
		}
		if event.Type != "step" {
			continue
		}
		index, known := numbers[event.Step]
		if !known {
			index = len(steps)
			numbers[event.Step] = index
			steps = append(steps, step{event.Verb, span{event.Time, event.Time}})
		}
		steps[index].span.to = event.Time
	}
	return planned, steps
}

// share is a part of a tool's own time.
type share struct {
	Name    string  `json:"name"`
	Seconds float64 `json:"seconds"`
}

// ownByStep splits the own time of an update: what the plan took, each kind of
// step as far as nothing else covers it, and what lies between the steps.
func (s shares) ownByStep(planned time.Time, steps []step) []share {
	list := []share{{"plan", span{s.total.from, planned}.without(s.known()...).Seconds()}}
	rest := s.own().Seconds() - list[0].Seconds
	index := map[string]int{}
	for _, step := range steps {
		own := step.span.within(s.total)
		if own.length() == 0 {
			continue
		}
		seconds := own.without(s.known()...).Seconds()
		rest -= seconds
		i, known := index[step.verb]
		if !known {
			i = len(list)
			index[step.verb] = i
			list = append(list, share{Name: step.verb})
		}
		list[i].Seconds += seconds
	}
	return append(list, share{"between", max(0, rest)})
}
