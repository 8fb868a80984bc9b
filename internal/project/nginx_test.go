package project

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFindNginx(t *testing.T) {
	daemon := []string{"nginx", "-g", "daemon off;"}
	plain := []string{"nginx"}
	for name, c := range map[string]struct{ entrypoint, command, argv, arguments []string }{
		"plain":                 {nil, []string{"nginx"}, []string{"nginx"}, []string{"nginx"}},
		"of the image":          {[]string{"/docker-entrypoint.sh"}, daemon, plain, plain},
		"own file":              {nil, []string{"/usr/sbin/nginx", "-q", "-c", "/a.conf"}, []string{"/usr/sbin/nginx", "-c", "/a.conf"}, []string{"/usr/sbin/nginx", "-c", "/a.conf"}},
		"value attached":        {nil, []string{"nginx", "-c/a.conf", "-g", "daemon off; user x;"}, []string{"nginx", "-c", "/a.conf", "-g", "daemon off; user x;"}, []string{"nginx", "-c", "/a.conf", "-g", "daemon off; user x;"}},
		"it is the entry":       {[]string{"nginx", "-c", "/a.conf"}, []string{"-g", "daemon off;"}, []string{"nginx", "-c", "/a.conf"}, nil},
		"nothing but the entry": {daemon, nil, plain, nil},
		"a shell's matter":      {nil, []string{"/bin/sh", "-c", "envsubst < a > b && exec nginx -g 'daemon off;'"}, nil, nil},
		"nothing":               {nil, nil, nil, nil},
	} {
		call, found := FindNginx(c.entrypoint, c.command)
		if diff := cmp.Diff(NginxCall{c.argv, c.arguments}, call); diff != "" || found != (c.argv != nil) {
			t.Errorf("%s: found %t: %s", name, found, diff)
		}
	}
}

func TestNginxReads(t *testing.T) {
	for target, want := range map[string]bool{
		"/etc/nginx/conf.d": true, "/etc/nginx/nginx.conf": true, "/etc/nginx/templates": false,
		"/etc/nginx/templates/a.template": false, "/docker-entrypoint.d/10.sh": false, "/etc/nginx/templates-of-mine": true,
	} {
		if got := NginxReads(target); got != want {
			t.Errorf("%s: %t", target, got)
		}
	}
}
