package engine

import (
	"context"
	"strconv"
	"time"

	"github.com/moby/moby/api/types/events"
	"github.com/moby/moby/client"
)

// Happening is something that happened to a container of a project.
type Happening struct {
	Time     time.Time
	Action   string // "start", "die", "oom", "kill", "create", "destroy" or "rename"
	Name     string // of the container
	ID       string
	Service  string
	Run      string // the update that made the container; empty if none did
	ExitCode int    // with "die"
	Signal   string // with "kill": its number
}

// Happenings hands over what happens to the containers of a project, of all
// projects if the name is empty, whoever does it, until the context ends or the function returns an error.
func (e *Engine) Happenings(ctx context.Context, projectName string, each func(Happening) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	label := labelProject
	if projectName != "" {
		label += "=" + projectName
	}
	filters := make(client.Filters).Add("type", "container").Add("label", label).
		Add("event", "start", "die", "oom", "kill", "create", "destroy", "rename")
	stream := e.client.Events(ctx, client.EventsListOptions{Filters: filters})
	for {
		select {
		case message := <-stream.Messages:
			if err := each(happening(message)); err != nil {
				return err
			}
		case err := <-stream.Err:
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return err
		}
	}
}

// happening translates an event of the engine.
func happening(message events.Message) Happening {
	attributes := message.Actor.Attributes
	h := Happening{
		Time:    time.Unix(0, message.TimeNano),
		Action:  string(message.Action),
		Name:    attributes["name"],
		ID:      message.Actor.ID,
		Service: attributes[labelService],
		Run:     attributes[LabelRun],
		Signal:  attributes["signal"],
	}
	h.ExitCode, _ = strconv.Atoi(attributes["exitCode"])
	return h
}
