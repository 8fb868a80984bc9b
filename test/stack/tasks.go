package stack

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"time"
)

// QueueTasks gives the Celery worker tasks that take so long each. Their ids
// begin with the name.
func (s *Stack) QueueTasks(ctx context.Context, name string, count int, each time.Duration) error {
	client := &http.Client{Timeout: 2 * time.Minute}
	defer client.CloseIdleConnections()
	for i := range count {
		body := fmt.Appendf(nil, `{"id":"%s-%d","seconds":%g}`, name, i, each.Seconds())
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.Address()+"/api/tasks/", bytes.NewReader(body))
		if err != nil {
			return err
		}
		answer, err := client.Do(request)
		if err != nil {
			return fmt.Errorf("queue task %d: %w", i, err)
		}
		text, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if err != nil || answer.StatusCode != http.StatusAccepted {
			return fmt.Errorf("queue task %d: %s %v\n%s", i, answer.Status, err, text)
		}
	}
	return nil
}
