package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"sheaf/internal/publish"
)

// kept are the results of measurements by name, in a file that has each as soon as it is
// there, so that a run that was stopped can go on.
type kept struct {
	file    string
	results map[string]json.RawMessage
}

func (k *kept) open(file string, resume bool) error {
	*k = kept{file, map[string]json.RawMessage{}}
	if !resume {
		return nil
	}
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return json.Unmarshal(data, &k.results)
}

// keep returns the result with a name, which it measures where there is none.
func keep[T any](k *kept, name string, measure func() (T, error)) (result T, err error) {
	if raw, ok := k.results[name]; ok {
		return result, json.Unmarshal(raw, &result)
	}
	if result, err = measure(); err != nil {
		return result, err
	}
	if k.results[name], err = json.Marshal(result); err != nil {
		return result, err
	}
	return result, publish.Write([]string{k.file}, func(files []*os.File) error { return json.NewEncoder(files[0]).Encode(k.results) })
}

// contender makes one that keeps its samples: each call is the next of them.
func (k *kept) contender(name string, measure contender) contender {
	round := 0
	return func(ctx context.Context) (sample, error) {
		round++
		return keep(k, fmt.Sprintf("%s %d", name, round), func() (sample, error) { return measure(ctx) })
	}
}
