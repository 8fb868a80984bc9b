package journal

import "gapless/internal/update"

var _ update.Journal = (*Log)(nil)
