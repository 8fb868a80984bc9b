package wire

import (
	"math"
	"testing"
)

func TestBucketsAreFineEnough(t *testing.T) {
	previous := -1
	for us := int64(0); us < 10_000_000_000; us += 1 + us/97 {
		index := Bucket(us)
		if index < previous || index >= Buckets {
			t.Fatalf("%d us falls into bucket %d after %d", us, index, previous)
		}
		previous = index
		if off := math.Abs(BucketMiddle(index)-float64(us)) / float64(max(us, 16)); off > 0.05 {
			t.Fatalf("%d us is read as %.1f", us, BucketMiddle(index))
		}
	}
}

func TestQuantiles(t *testing.T) {
	counts := make([]uint64, Buckets)
	for us := int64(1); us <= 10000; us++ {
		counts[Bucket(us)]++
	}
	all := Histogram{Counts: counts}
	for _, q := range []float64{0.5, 0.95, 0.99} {
		if got := all.QuantileMicroseconds(q); math.Abs(got-q*10000)/(q*10000) > 0.05 {
			t.Errorf("quantile %.2f is %.0f", q, got)
		}
	}
	if total := all.Since(all).Total(); total != 0 {
		t.Errorf("nothing happened since, got %d", total)
	}
	if total := all.Add(all).Total(); total != 20000 {
		t.Errorf("sum is %d", total)
	}
	if (Histogram{}).QuantileMicroseconds(0.95) != 0 {
		t.Error("an empty histogram has a quantile")
	}
}
