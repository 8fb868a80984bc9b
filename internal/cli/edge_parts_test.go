package cli

import "testing"

func TestSocketDirectoriesOfTheEdge(t *testing.T) {
	mounted := []string{"/run/gapless", "/srv/front"}
	for path, want := range map[string]bool{
		"/run/gapless": true, "/srv/front/sockets": true, "/srv/frontier": false, "/srv": false, "/run/other": false,
	} {
		if isBelow(path, mounted) != want {
			t.Errorf("%s: want %t", path, want)
		}
	}
}
