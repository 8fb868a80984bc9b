package health

import "gapless/internal/update"

var _ update.Gate = (*Gate)(nil)
