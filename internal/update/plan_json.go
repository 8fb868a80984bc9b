package update

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strconv"
)

// UnmarshalJSON notes what this version does not know: half of a plan is
// another plan.
func (p *Plan) UnmarshalJSON(data []byte) error {
	type plain Plan
	if err := json.Unmarshal(data, (*plain)(p)); err != nil {
		return err
	}
	kept, err := json.Marshal(p)
	if err != nil {
		return err
	}
	var said, known any
	if err := json.Unmarshal(data, &said); err != nil {
		return err
	}
	if err := json.Unmarshal(kept, &known); err != nil {
		return err
	}
	p.Unread = unreadIn("plan", said, known)
	return nil
}

// unreadIn is the place of the first thing that was said and is not known;
// empty if there is none. What is empty says nothing.
func unreadIn(place string, said, known any) string {
	switch said := said.(type) {
	case map[string]any:
		fields, _ := known.(map[string]any)
		for _, name := range slices.Sorted(maps.Keys(said)) {
			if unread := unreadIn(place+"."+name, said[name], fields[name]); unread != "" {
				return unread
			}
		}
	case []any:
		parts, _ := known.([]any)
		for i, part := range said {
			var match any
			if i < len(parts) {
				match = parts[i]
			}
			if unread := unreadIn(place+"["+strconv.Itoa(i)+"]", part, match); unread != "" {
				return unread
			}
		}
	default:
		if said != nil && known == nil && !reflect.ValueOf(said).IsZero() {
			return place
		}
	}
	return ""
}
