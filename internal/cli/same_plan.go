package cli

import (
	"bytes"
	"encoding/json"
	"fmt"

	"gapless/internal/update"
)

// samePlan refuses a plan file that no longer fits.
func samePlan(path string, now update.Plan) error {
	text, err := readPlan(path)
	if err != nil {
		return &exitStatus{code: exitError, err: err}
	}
	var kept update.Plan
	if err := json.Unmarshal(text, &kept); err != nil {
		return refuse(fmt.Errorf("%s is not a plan: %w", path, err), "gapless plan -o FILE writes one")
	}
	if kept.Unread != "" {
		return refuse(fmt.Errorf("%s was made by another version of gapless: %s is unknown to this one", path, kept.Unread), "make a new one with gapless plan -o")
	}
	was, err := lasting(kept)
	if err != nil {
		return err
	}
	is, err := lasting(now)
	if err != nil {
		return err
	}
	if !bytes.Equal(was, is) {
		return refuse(fmt.Errorf("%s does not fit any more: images, files or containers changed since it was made", path), "make a new one with gapless plan -o")
	}
	return nil
}

// lasting is what a plan does, without the words that carry measurements:
// free memory, boot times and rows of tables differ from one look to the next. An
// image that is built anew to be judged is another one of the same source.
func lasting(plan update.Plan) ([]byte, error) {
	text, err := json.Marshal(plan)
	if err != nil {
		return nil, err
	}
	var fields map[string]any
	if err := json.Unmarshal(text, &fields); err != nil {
		return nil, err
	}
	delete(fields, "notes")
	delete(fields, "choice")
	fields["gap"] = plan.HasGap()
	dropWords(fields["phases"])
	return json.Marshal(fields)
}

// dropWords removes the words from steps, at any depth.
func dropWords(value any) {
	switch v := value.(type) {
	case map[string]any:
		delete(v, "detail")
		delete(v, "why")
		delete(v, "built")
		for _, part := range v {
			dropWords(part)
		}
	case []any:
		for _, part := range v {
			dropWords(part)
		}
	}
}
