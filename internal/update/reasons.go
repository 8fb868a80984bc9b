package update

import "strings"

// reasons collects why services change; services with the same reason share
// one entry.
type reasons struct{ entries []reason }

type reason struct {
	services []string
	why      string
}

func (r *reasons) add(serviceName, why string) {
	if why == "" {
		return
	}
	for i := range r.entries {
		if r.entries[i].why == why {
			r.entries[i].services = append(r.entries[i].services, serviceName)
			return
		}
	}
	r.entries = append(r.entries, reason{[]string{serviceName}, why})
}

func (r *reasons) words() string {
	var texts []string
	for _, entry := range r.entries {
		texts = append(texts, strings.Join(entry.services, ", ")+": "+entry.why)
	}
	return strings.Join(texts, "; ")
}
