package loader

import (
	"os"
	"path/filepath"
	"strings"
)

// ignoreFiles are read in every folder, in this order: rules of a later file override those of an earlier one.
var ignoreFiles = []string{".gitignore", ".sheafignore"}

// rule is one line of an ignore file, as gitignore(5) describes it.
type rule struct {
	pattern []string // split at its slashes; with anyDir one component, matched with names at any depth
	literal bool     // pattern is one component without a special character
	negate  bool     // "!": what matches is not ignored
	dirOnly bool     // "/" at the end
	anyDir  bool     // not anchored
}

// rules are the lines of one or more ignore files; the last that matches decides.
type rules []rule

// parseRules reads the lines of an ignore file. A malformed pattern matches nothing, as in git.
func parseRules(text string) rules {
	var out rules
	for line := range strings.Lines(strings.TrimPrefix(text, "\uFEFF")) {
		line = strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r")
		if strings.HasPrefix(line, "#") {
			continue
		}
		if r, ok := parseRule(trimBlanks(line)); ok {
			out = append(out, r)
		}
	}
	return out
}

// parsePatterns reads patterns of the command line, which have no comments.
func parsePatterns(patterns []string) rules {
	var out rules
	for _, p := range patterns {
		if r, ok := parseRule(p); ok {
			out = append(out, r)
		}
	}
	return out
}

func parseRule(line string) (rule, bool) {
	var r rule
	line, r.negate = strings.CutPrefix(line, "!")
	line, r.dirOnly = strings.CutSuffix(line, "/")
	if line == "" {
		return rule{}, false
	}
	r.anyDir = !strings.Contains(line, "/")
	r.literal = r.anyDir && !strings.ContainsAny(line, `*?[\`)
	r.pattern = strings.Split(strings.TrimPrefix(line, "/"), "/")
	for i, component := range r.pattern {
		if len(component) > 2 && strings.Trim(component, "*") == "" {
			r.pattern[i] = "**"
		}
	}
	return r, true
}

// trimBlanks removes blanks at the end of a line, but not one after a backslash.
func trimBlanks(line string) string {
	end := 0
	for i := 0; i < len(line); i++ {
		switch {
		case line[i] == '\\' && i+1 < len(line):
			i++
			end = i + 1
		case line[i] != ' ':
			end = i + 1
		}
	}
	return line[:end]
}

// matches reports whether the rule applies to the slash-separated path name, relative to the rule's folder.
func (r rule) matches(name string, isDir bool) bool {
	if r.dirOnly && !isDir {
		return false
	}
	if !r.anyDir {
		return matchPath(r.pattern, name)
	}
	base := name[strings.LastIndexByte(name, '/')+1:]
	if r.literal {
		return r.pattern[0] == base
	}
	return matchName(r.pattern[0], base)
}

// verdict is what rules say about a path: nothing, that it is ignored, or that it is wanted.
type verdict int

const (
	silent verdict = iota
	ignored
	wanted
)

func (rs rules) verdict(name string, isDir bool) verdict {
	for i := len(rs) - 1; i >= 0; i-- {
		if !rs[i].matches(name, isDir) {
			continue
		}
		if rs[i].negate {
			return wanted
		}
		return ignored
	}
	return silent
}

// ignoreLevel has the rules of one folder and a link to those of the folders above, which they override.
type ignoreLevel struct {
	parent *ignoreLevel
	dir    string // relative to the top, with slashes; "" for the top itself
	rules  rules
}

// ignores reports whether the file or folder at name, relative to the top, is ignored. It does not look at the
// folders above it: a walk does not enter an ignored folder.
func (l *ignoreLevel) ignores(name string, isDir bool) bool {
	for ; l != nil; l = l.parent {
		below := strings.TrimPrefix(strings.TrimPrefix(name, l.dir), "/")
		if v := l.rules.verdict(below, isDir); v != silent {
			return v == ignored
		}
	}
	return false
}

// enter returns the rules of the ignore files in a folder on top of l. has reports which of the files exist.
func (l *ignoreLevel) enter(path, dir string, has func(name string) bool) (*ignoreLevel, error) {
	var all rules
	for _, name := range ignoreFiles {
		if !has(name) {
			continue
		}
		file := filepath.Join(path, name)
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, readError(filepath.ToSlash(file), err)
		}
		all = append(all, parseRules(string(text))...)
	}
	if len(all) == 0 {
		return l, nil
	}
	return &ignoreLevel{parent: l, dir: dir, rules: all}, nil
}

// ignoresAbove collects the rules that hold for a root from the folders above it, and returns the root's path relative
// to the topmost of them. They reach up to the top of the git repository that holds the root; where there is none, to
// the current folder if the root lies below it.
func ignoresAbove(root, cwd string) (l *ignoreLevel, dir string, err error) {
	top := ignoreTop(root, cwd)
	rel, err := filepath.Rel(top, root)
	if err != nil || rel == "." {
		return nil, "", nil
	}
	at, dir := top, ""
	for _, component := range strings.Split(filepath.ToSlash(rel), "/") {
		l, err = l.enter(at, dir, func(name string) bool { return isFile(filepath.Join(at, name)) })
		if err != nil {
			return nil, "", err
		}
		at = filepath.Join(at, component)
		dir = strings.TrimPrefix(dir+"/"+component, "/")
	}
	return l, dir, nil
}

// ignoreTop returns the highest folder whose ignore files hold for root. Both arguments are absolute.
func ignoreTop(root, cwd string) string {
	for dir := root; ; dir = filepath.Dir(dir) {
		if _, err := os.Lstat(filepath.Join(dir, ".git")); err == nil {
			return dir
		}
		if dir == filepath.Dir(dir) {
			break
		}
	}
	if rel, err := filepath.Rel(cwd, root); err == nil && filepath.IsLocal(rel) {
		return cwd
	}
	return root
}

// isFile reports whether path is something other than a folder. A dangling link is, and fails when it is read.
func isFile(path string) bool {
	info, err := os.Stat(path)
	if err != nil {
		return nameExists(path)
	}
	return !info.IsDir()
}
