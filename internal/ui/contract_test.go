package ui

import "gapless/internal/update"

var _ update.Sink = (*Renderer)(nil)
