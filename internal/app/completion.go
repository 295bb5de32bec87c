package app

import (
	"context"
	"embed"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"

	"github.com/alecthomas/kong"
)

//go:embed completion
var completionScripts embed.FS

type completionCommand struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

// Help is the text below the flags.
func (completionCommand) Help() string {
	return `The script completes commands, flags, their values, and names that it asks the server for: organisations,
repositories, tags, images, users, groups, roles, projects and more, with the account of easel login.

Put it where the shell reads it:

  echo 'source <(easel completion bash)' >> ~/.bashrc
  echo 'source <(easel completion zsh)' >> ~/.zshrc        # after compinit
  easel completion fish > ~/.config/fish/completions/easel.fish`
}

// Run prints a script.
func (c *completionCommand) Run(s *streams) error {
	text, err := completionScripts.ReadFile("completion/easel." + c.Shell)
	if err != nil {
		return err
	}
	_, err = s.out.Write(text)
	return err
}

// completeWait is how long names of the server are waited for.
const completeWait = 2 * time.Second

// complete is what the scripts call: SHELL WORD…, the last word being the one
// to complete; for bash SHELL LINE WORDBREAKS. It prints a candidate a line,
// or ":files" where the shell knows better. Whatever goes wrong, it is silent:
// it is called while somebody types.
func complete(ctx context.Context, root *kong.Node, out io.Writer, args []string) {
	if len(args) < 2 {
		return
	}
	shell, words := args[0], args[1:]
	var quote rune
	if shell == "bash" {
		words, quote = split(words[0])
		if words = words[min(1, len(words)):]; len(words) == 0 {
			return
		}
	}
	ctx, cancel := context.WithTimeout(ctx, completeWait)
	defer cancel()
	typed := words[len(words)-1]
	found := candidates(ctx, root, words)
	cut := 0
	if shell == "bash" && quote == 0 && len(args) > 2 {
		cut = strings.LastIndexAny(typed, args[2]) + 1 // bash replaces only what is behind it
	}
	for _, c := range found {
		if (strings.HasPrefix(c.word, typed) || c.word == onlyFiles) && c.fits(quote) {
			fmt.Fprintln(out, c.line(shell, cut, quote))
		}
	}
}

// onlyFiles stands for the names of files.
const onlyFiles = ":files"

// candidate is a word that may stand where the cursor is.
type candidate struct{ word, help string }

// fits reports whether a candidate can be written inside the quotes that the
// cursor is in, 0 for none. Names are whatever somebody has chosen: one must not
// end the quotes of whoever completes it, nor be a command inside them.
func (c candidate) fits(quote rune) bool {
	return !strings.ContainsFunc(c.word, unicode.IsControl) && (quote != '\'' || !strings.Contains(c.word, "'")) &&
		(quote != '"' || !strings.Contains(c.word, "!")) // nothing escapes it there
}

// line writes a candidate as a shell's script reads it, without the first cut
// bytes.
func (c candidate) line(shell string, cut int, quote rune) string {
	if c.word == onlyFiles {
		return c.word
	}
	help := strings.Map(func(r rune) rune {
		if r < ' ' {
			return ' '
		}
		return r
	}, c.help)
	switch shell {
	case "zsh":
		if word := strings.ReplaceAll(c.word, ":", `\:`); help == "" {
			return word
		} else {
			return word + ":" + help
		}
	case "fish":
		if help != "" {
			return c.word + "\t" + help
		}
		return c.word
	}
	special := " \t\\'\"$`&|;<>()*?[]{}!#~"
	switch quote {
	case '\'':
		return c.word[cut:]
	case '"':
		special = "\\\"$`"
	}
	var b strings.Builder
	for _, r := range c.word[cut:] {
		if strings.ContainsRune(special, r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// split takes a command line apart as a shell does, and returns the quotes that
// its last word is inside of, 0 for none. A line that ends with a space has an
// empty last word.
func split(line string) (words []string, quote rune) {
	var word strings.Builder
	inWord, escaped := false, false
	for _, r := range line {
		switch {
		case escaped:
			word.WriteRune(r)
			escaped = false
		case r == '\\' && quote != '\'':
			inWord, escaped = true, true
		case quote != 0 && r == quote:
			quote = 0
		case quote == 0 && (r == '\'' || r == '"'):
			quote, inWord = r, true
		case quote == 0 && (r == ' ' || r == '\t'):
			if inWord {
				words = append(words, word.String())
			}
			word.Reset()
			inWord = false
		default:
			word.WriteRune(r)
			inWord = true
		}
	}
	return append(words, word.String()), quote
}
