package docs

import (
	"html"
	"html/template"
	"regexp"
	"strings"
)

var (
	codeSpan = regexp.MustCompile("`([^`]+)`")
	boldSpan = regexp.MustCompile(`\*\*([^*]+)\*\*`)
)

// prose turns the little Markdown that our documents use into HTML:
// paragraphs, lists of "- " items, fenced blocks, `code` and **bold**.
func prose(s string) template.HTML {
	var b strings.Builder
	for i, part := range strings.Split(strings.TrimSpace(s), "```") {
		if i%2 == 1 {
			_, code, _ := strings.Cut(part, "\n") // the rest of the fence's line names a language
			b.WriteString("<pre><code>" + html.EscapeString(strings.TrimRight(code, "\n")) + "</code></pre>")
			continue
		}
		for paragraph := range strings.SplitSeq(part, "\n\n") {
			writeParagraph(&b, strings.TrimSpace(paragraph))
		}
	}
	return template.HTML(b.String())
}

func writeParagraph(b *strings.Builder, s string) {
	if s == "" {
		return
	}
	if !strings.HasPrefix(s, "- ") {
		b.WriteString("<p>" + spans(s) + "</p>")
		return
	}
	b.WriteString("<ul>")
	for item := range strings.SplitSeq(s[2:], "\n- ") {
		b.WriteString("<li>" + spans(item) + "</li>")
	}
	b.WriteString("</ul>")
}

// line is prose without paragraphs, for table cells and headings.
func line(s string) template.HTML {
	return template.HTML(spans(strings.TrimSpace(s)))
}

func spans(s string) string {
	s = codeSpan.ReplaceAllString(html.EscapeString(s), "<code>$1</code>")
	return boldSpan.ReplaceAllString(s, "<strong>$1</strong>")
}
