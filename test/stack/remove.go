package stack

import (
	"context"
	"errors"
	"os"
	"strings"
	"time"
)

// Remove takes away everything that belongs to the deployment: containers, the
// edge before it, volumes, networks, images and the checkout. It works however
// far the deployment came.
func (s *Stack) Remove() error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	project := "label=com.docker.compose.project=" + s.Project
	err := errors.Join(
		s.removeListed(ctx, []string{"ps", "--all", "--quiet", "--filter", "label=gapless.edge=" + s.State + "/edge"}, "rm", "--force", "--volumes"),
		s.removeListed(ctx, []string{"ps", "--all", "--quiet", "--filter", project}, "rm", "--force", "--volumes"),
		s.removeListed(ctx, []string{"volume", "ls", "--quiet", "--filter", project}, "volume", "rm"),
		s.removeListed(ctx, []string{"network", "ls", "--quiet", "--filter", project}, "network", "rm"),
	)
	for _, images := range []string{s.Project + "-app", "gapless-pin/" + s.Project + "/*"} {
		list := []string{"images", "--format", "{{.Repository}}:{{.Tag}}", images}
		err = errors.Join(err, s.removeListed(ctx, list, "rmi"))
	}
	return errors.Join(err, os.RemoveAll(s.home))
}

// removeListed gives what one command of docker lists to another one.
func (s *Stack) removeListed(ctx context.Context, list []string, remove ...string) error {
	found, err := s.output(ctx, "docker", list...)
	if err != nil || strings.TrimSpace(found) == "" {
		return err
	}
	_, err = s.output(ctx, "docker", append(remove, strings.Fields(found)...)...)
	return err
}
