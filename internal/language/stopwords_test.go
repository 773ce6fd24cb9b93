package language_test

import (
	"testing"

	"sheaf/internal/language"
)

func TestStopWord(t *testing.T) {
	t.Parallel()
	for word, want := range map[string]bool{
		"the": true, "Where": true, "I": true, "das": true, "in": true, "die": true, "où": true, "Für": true, "если": true, "Где": true,
		"أين": true, "です": true, "什么": true, "습니": true,
		"": false, "tide": false, "IT": false, "DOS": false, "OR": false, "Gezeiten": false, "прилив": false, "東京": false, "tht": false, "E0425": false,
		"A": true, "D": false, "van": false, "dos": false,
	} {
		if language.StopWord(word) != want {
			t.Errorf("%q: %v", word, !want)
		}
	}
}
