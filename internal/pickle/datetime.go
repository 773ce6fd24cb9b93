package pickle

import (
	"fmt"
	"io/fs"
	"math/big"
	"time"
)

// timeDelta is a datetime.timedelta, in microseconds.
type timeDelta struct{ micros *big.Int }

// timeZone is a datetime.timezone, as its offset from UTC.
type timeZone struct{ micros int64 }

const (
	daySeconds   = 86400
	secondMicros = 1_000_000
	dayMicros    = daySeconds * secondMicros
)

func newTimeDelta(_ *machine, args []Value) (Value, error) {
	total := new(big.Int)
	for i, unit := range []int64{dayMicros, secondMicros, 1} {
		if i >= len(args) {
			break
		}
		n, ok := args[i].(int64)
		if !ok {
			return nil, errArguments
		}
		total.Add(total, new(big.Int).Mul(big.NewInt(n), big.NewInt(unit)))
	}
	if len(args) > 3 {
		return nil, errArguments
	}
	return timeDelta{total}, nil
}

// seconds returns what timedelta.total_seconds does.
func (d timeDelta) seconds() float64 {
	s, _ := new(big.Rat).SetFrac(d.micros, big.NewInt(secondMicros)).Float64()
	return s
}

func newTimeZone(_ *machine, args []Value) (Value, error) {
	if len(args) < 1 || len(args) > 2 { // the second is its name
		return nil, errArguments
	}
	d, ok := args[0].(timeDelta)
	if !ok || !d.micros.IsInt64() || d.micros.Int64() <= -dayMicros || d.micros.Int64() >= dayMicros {
		return nil, errArguments
	}
	return timeZone{d.micros.Int64()}, nil
}

// text returns the offset as isoformat writes it.
func (z timeZone) text() string {
	sign, rest := "+", z.micros
	if rest < 0 {
		sign, rest = "-", -rest
	}
	seconds := rest / secondMicros
	text := fmt.Sprintf("%s%02d:%02d", sign, seconds/3600, seconds/60%60)
	if seconds%60 != 0 || rest%secondMicros != 0 {
		text += fmt.Sprintf(":%02d", seconds%60)
	}
	return text + fraction(rest%secondMicros)
}

// name returns what str returns of the time zone.
func (z timeZone) name() string {
	if z.micros == 0 {
		return "UTC"
	}
	return "UTC" + z.text()
}

func fraction(micros int64) string {
	if micros == 0 {
		return ""
	}
	return fmt.Sprintf(".%06d", micros)
}

// fields returns the n bytes of a date or time and its zone; nil: none.
func fields(args []Value, n int) (data []byte, zone Value, err error) {
	if len(args) < 1 || len(args) > 2 {
		return nil, nil, errArguments
	}
	b, ok := args[0].(*Bytes)
	if !ok || b.n != int64(n) {
		return nil, nil, errArguments
	}
	if len(args) == 2 && args[1] != None {
		zone = args[1]
	}
	data, err = b.read()
	return data, zone, err
}

// newDateTime reads year (2 bytes), month, day, hour, minute, second and
// microseconds (3 bytes). The first bit of the month is the fold: set for the second
// of two equal times, when clocks are set back.
func newDateTime(m *machine, args []Value) (Value, error) {
	b, zone, err := fields(args, 10)
	if err != nil {
		return nil, err
	}
	date, err := dateText(b[0], b[1], b[2]&0x7f, b[3])
	if err != nil {
		return nil, err
	}
	clock, err := clockText(b[4:])
	if err != nil {
		return nil, err
	}
	local := date + "T" + clock
	offset, err := m.offsetText(zone, local, b[2]>>7 == 1)
	return Plain(local + offset), err
}

// offsetText returns the offset of a zone at a local time as isoformat writes it. A
// ZoneInfo has none without a date, when local is empty.
func (m *machine) offsetText(zone Value, local string, fold bool) (string, error) {
	switch z := zone.(type) {
	case nil:
		return "", nil
	case timeZone:
		return z.text(), nil
	case zoneInfo:
		if local == "" {
			return "", nil
		}
		offset, err := m.offset(z, local, fold)
		return offset.text(), err
	}
	return "", errArguments
}

// newZoneInfo calls the function by which Python makes a ZoneInfo of a pickle.
func newZoneInfo(_ *machine, args []Value) (Value, error) {
	if key, _, ok := two[string, Value](args); ok {
		return zoneInfo(key), nil
	}
	return nil, errArguments
}

// offset returns the offset of a zone at a local time. A time that does not exist,
// because clocks are set forward, has the offset before that, or after it with the
// fold: see PEP 495.
func (m *machine) offset(key zoneInfo, local string, fold bool) (timeZone, error) {
	zone := m.zones[key]
	if zone == nil {
		if fs.ValidPath(string(key)) && key != "Local" { // each zone has one name: no more are kept than there are
			zone, _ = time.LoadLocation(string(key))
		}
		if zone == nil {
			return timeZone{}, fmt.Errorf("this machine does not know the time zone %q", string(key))
		}
		m.zones[key] = zone
	}
	t, err := time.Parse(dateTime, local)
	at := func(t time.Time) time.Duration {
		_, seconds := t.In(zone).Zone()
		return time.Duration(seconds) * time.Second
	}
	before, after := at(t.AddDate(0, 0, -1)), at(t.AddDate(0, 0, 1))
	offset := before
	if isBefore, isAfter := at(t.Add(-before)) == before, at(t.Add(-after)) == after; isBefore == isAfter && fold || isAfter && !isBefore {
		offset = after
	}
	return timeZone{offset.Microseconds()}, err
}

func newDate(_ *machine, args []Value) (Value, error) {
	b, _, err := fields(args, 4)
	if err != nil {
		return nil, err
	}
	date, err := dateText(b[0], b[1], b[2], b[3])
	return Plain(date), err
}

func newTime(m *machine, args []Value) (Value, error) {
	b, zone, err := fields(args, 6)
	if err != nil {
		return nil, err
	}
	b[0] &= 0x7f // the fold
	clock, err := clockText(b)
	if err != nil {
		return nil, err
	}
	offset, err := m.offsetText(zone, "", false)
	return Plain(clock + offset), err
}

func dateText(high, low, month, day byte) (string, error) {
	year := int(high)<<8 | int(low)
	t := time.Date(year, time.Month(month), int(day), 0, 0, 0, 0, time.UTC) // another day or year if there is none
	if year < 1 || year > 9999 || t.Year() != year || t.Day() != int(day) {
		return "", errArguments
	}
	return t.Format(time.DateOnly), nil
}

func clockText(b []byte) (string, error) {
	micros := int64(b[3])<<16 | int64(b[4])<<8 | int64(b[5])
	if b[0] > 23 || b[1] > 59 || b[2] > 59 || micros >= secondMicros {
		return "", errArguments
	}
	return fmt.Sprintf("%02d:%02d:%02d", b[0], b[1], b[2]) + fraction(micros), nil
}

// clockUnits holds numpy's units of a fixed length: the units in a second or the
// seconds in a unit, and the layout of a time in whole units.
var clockUnits = map[string]struct {
	perSecond, seconds int64
	layout             string
}{
	"W": {1, 7 * daySeconds, time.DateOnly}, "D": {1, daySeconds, time.DateOnly}, "h": {1, 3600, "2006-01-02T15"}, "m": {1, 60, "2006-01-02T15:04"},
	"s": {1, 1, dateTime}, "ms": {1e3, 1, dateTime}, "us": {1e6, 1, dateTime}, "ns": {1e9, 1, dateTime}, "ps": {1e12, 1, dateTime},
	"fs": {1e15, 1, dateTime}, "as": {1e18, 1, dateTime},
}

const dateTime = "2006-01-02T15:04:05"

// notATime is numpy's NaT.
const notATime = -1 << 63

// dateTime64 formats a numpy.datetime64 as str() does.
func dateTime64(n int64, unit string, count int64) (Value, error) {
	if n == notATime {
		return Plain("NaT"), nil
	}
	if count != 1 {
		return nil, fmt.Errorf("a datetime64 that counts in %d%s", count, unit)
	}
	switch unit {
	case "Y":
		return calendar(1970+n, 1, "2006")
	case "M":
		return calendar(1970, 1+n, "2006-01")
	}
	u, ok := clockUnits[unit]
	if !ok {
		return nil, fmt.Errorf("a datetime64 that counts in %q", unit)
	}
	whole, part := n/u.perSecond, n%u.perSecond
	if part < 0 {
		whole, part = whole-1, part+u.perSecond
	}
	const farthest = 250_000_000_000 // within the years that have four digits
	if whole > farthest/u.seconds || whole < -farthest/u.seconds {
		return nil, fmt.Errorf("a datetime64 of %d%s", n, unit)
	}
	text := time.Unix(whole*u.seconds, 0).UTC().Format(u.layout)
	if u.perSecond > 1 {
		digits := len(fmt.Sprint(u.perSecond)) - 1
		text += fmt.Sprintf(".%0*d", digits, part)
	}
	return Plain(text), nil
}

// calendar formats the first day of a month, which may be beyond the year.
func calendar(year, month int64, layout string) (Value, error) {
	const farthest = 1_000_000 // so that nothing overflows
	if year > farthest || year < -farthest || month > farthest || month < -farthest {
		return nil, fmt.Errorf("a datetime64 in the year %d", year)
	}
	t := time.Date(int(year), time.Month(month), 1, 0, 0, 0, 0, time.UTC)
	if t.Year() < 0 || t.Year() > 9999 {
		return nil, fmt.Errorf("a datetime64 in the year %d", t.Year())
	}
	return Plain(t.Format(layout)), nil
}
