package wordpiece

// Rules say how text is made ready for the vocabulary. The zero value is BERT's uncased model.
type Rules struct {
	KeepCase       bool // letters are not lower-cased
	KeepAccents    bool // accents are not stripped, and letters with them not taken apart
	JoinIdeographs bool // an ideograph is no word of its own
}

// Told are the settings of a tokenizer_config.json, nil where it is silent. They outrank those of the tokenizer, as in
// Hugging Face's BertTokenizerFast.
type Told struct {
	Lowercase  *bool // do_lower_case; nil: true
	Accents    *bool // strip_accents; nil: as do_lower_case
	Ideographs *bool // tokenize_chinese_chars; nil: true
}

// Rules returns the rules of a tokenizer that has none of its own.
func (t Told) Rules() Rules {
	lower := told(t.Lowercase, true)
	return Rules{KeepCase: !lower, KeepAccents: !told(t.Accents, lower), JoinIdeographs: !told(t.Ideographs, true)}
}

// told returns a setting, or a default where there is none.
func told(setting *bool, otherwise bool) bool {
	if setting == nil {
		return otherwise
	}
	return *setting
}
