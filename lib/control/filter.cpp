#include "control/filter.h"

#include <algorithm>
#include <array>

namespace vbmc::control {

namespace {

constexpr std::size_t text_max = 8192;
constexpr int depth_max = 32;

char lower(char c) noexcept {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool same(char a, char b, bool ignore_case) noexcept {
    return a == b || (ignore_case && lower(a) == lower(b));
}

bool is_word(char c) noexcept {
    constexpr std::string_view others = "_.-*/@+%~[]";
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           static_cast<unsigned char>(c) >= 0x80 || others.find(c) != std::string_view::npos;
}

bool contains(std::string_view text, std::string_view part, bool ignore_case) noexcept {
    const auto equal = [ignore_case](char a, char b) { return same(a, b, ignore_case); };
    return std::search(text.begin(), text.end(), part.begin(), part.end(), equal) != text.end() ||
           part.empty();
}

struct Token {
    enum class Kind { end, word, quoted, equals, not_equals, has, open, close, minus, bad } kind;
    std::string text;
    std::size_t at = 0;
};

class Lexer {
  public:
    explicit Lexer(std::string_view text) : text_(text) {}

    Token next() {
        while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n')
        ) {
            ++at_;
        }
        const std::size_t start = at_;
        if (at_ == text_.size()) {
            return {Token::Kind::end, "", start};
        }
        const char c = text_[at_];
        if (c == '"' || c == '\'') {
            return quoted(c);
        }
        if (c == '!' && at_ + 1 < text_.size() && text_[at_ + 1] == '=') {
            at_ += 2;
            return {Token::Kind::not_equals, "!=", start};
        }
        for (const auto& [sign, kind] : signs) {
            if (c == sign) {
                ++at_;
                return {kind, std::string(1, c), start};
            }
        }
        if (c == '-') { // inside a word it is part of the word
            ++at_;
            return {Token::Kind::minus, "-", start};
        }
        return word();
    }

    /// After an operator a "-" begins the value.
    Token next_value() {
        Token token = next();
        if (token.kind != Token::Kind::minus) {
            return token;
        }
        Token rest = at_ < text_.size() && is_word(text_[at_]) ? word() : token;
        rest.text = rest.kind == Token::Kind::word ? "-" + rest.text : rest.text;
        rest.kind = Token::Kind::word;
        rest.at = token.at;
        return rest;
    }

  private:
    static constexpr std::array<std::pair<char, Token::Kind>, 4> signs = {{
        {'=', Token::Kind::equals},
        {':', Token::Kind::has},
        {'(', Token::Kind::open},
        {')', Token::Kind::close},
    }};

    Token quoted(char quote) {
        Token token{Token::Kind::quoted, "", at_};
        for (++at_; at_ < text_.size(); ++at_) {
            if (text_[at_] == quote) {
                ++at_;
                return token;
            }
            if (text_[at_] == '\\' && at_ + 1 < text_.size()) {
                ++at_;
            }
            token.text += text_[at_];
        }
        token.kind = Token::Kind::bad;
        token.text = "a quote is not closed";
        return token;
    }

    Token word() {
        Token token{Token::Kind::word, "", at_};
        while (at_ < text_.size() && is_word(text_[at_])) {
            token.text += text_[at_++];
        }
        if (token.text.empty()) {
            token.kind = Token::Kind::bad;
            token.text = std::string("\"") + text_[at_] + "\" means nothing here";
        }
        return token;
    }

    std::string_view text_;
    std::size_t at_ = 0;
};

} // namespace

struct Filter::Node {
    enum class Kind { all, any, negate, equals, not_equals, has, present } kind;
    std::vector<std::unique_ptr<Node>> children;
    std::string field;
    std::string value;
    bool ignore_case = false;
    bool whole_words = false;

    bool matches(const FilterSubject& subject) const {
        switch (kind) {
        case Kind::all:
            return std::ranges::all_of(children, [&](const auto& c) {
                return c->matches(subject);
            });
        case Kind::any:
            return std::ranges::any_of(children, [&](const auto& c) {
                return c->matches(subject);
            });
        case Kind::negate:
            return !children.front()->matches(subject);
        case Kind::equals:
        case Kind::not_equals: {
            const bool found = subject.any(field, [this](std::string_view seen) {
                return wildcard_match(value, seen, ignore_case);
            });
            return found == (kind == Kind::equals);
        }
        case Kind::has:
            return subject.any(field, [this](std::string_view seen) {
                return whole_words ? seen == value : contains(seen, value, ignore_case);
            });
        case Kind::present:
            return subject.any(field, [](std::string_view) { return true; });
        }
        return false;
    }
};

namespace {

using Node = Filter::Node;
using Tree = std::unique_ptr<Node>;

Tree make(Node::Kind kind) {
    auto node = std::make_unique<Node>();
    node->kind = kind;
    return node;
}

class Parser {
  public:
    Parser(std::string_view text, const std::vector<FilterField>& fields, std::string_view word)
        : lexer_(text), fields_(fields), word_(word) {
        token_ = lexer_.next();
    }

    Result<Tree> run() {
        auto tree = expression(0);
        if (tree && token_.kind != Token::Kind::end) {
            return unexpected();
        }
        return tree;
    }

  private:
    // expression: factor {[AND] factor}
    Result<Tree> expression(int depth) {
        if (depth > depth_max) {
            return bad("is nested too deeply", token_.at);
        }
        Tree all = make(Node::Kind::all);
        while (true) {
            auto next = factor(depth);
            if (!next) {
                return next;
            }
            all->children.push_back(*std::move(next));
            if (is_keyword("AND")) {
                advance();
            } else if (token_.kind == Token::Kind::end || token_.kind == Token::Kind::close) {
                break;
            }
        }
        return all->children.size() == 1 ? std::move(all->children.front()) : std::move(all);
    }

    // factor: term {OR term}
    Result<Tree> factor(int depth) {
        Tree any = make(Node::Kind::any);
        while (true) {
            auto next = term(depth);
            if (!next) {
                return next;
            }
            any->children.push_back(*std::move(next));
            if (!is_keyword("OR")) {
                break;
            }
            advance();
        }
        return any->children.size() == 1 ? std::move(any->children.front()) : std::move(any);
    }

    // term: [NOT | -] (restriction | "(" expression ")")
    Result<Tree> term(int depth) {
        bool negate = false;
        if (is_keyword("NOT") || token_.kind == Token::Kind::minus) {
            negate = true;
            advance();
        }
        Result<Tree> inner =
            token_.kind == Token::Kind::open ? parenthesised(depth) : restriction();
        if (!inner || !negate) {
            return inner;
        }
        Tree not_node = make(Node::Kind::negate);
        not_node->children.push_back(*std::move(inner));
        return not_node;
    }

    Result<Tree> parenthesised(int depth) {
        advance();
        auto inner = expression(depth + 1);
        if (inner && token_.kind != Token::Kind::close) {
            return bad("misses a \")\"", token_.at);
        }
        advance();
        return inner;
    }

    Result<Tree> restriction() {
        if ((token_.kind != Token::Kind::word && token_.kind != Token::Kind::quoted) ||
            is_keyword("AND") || is_keyword("OR")) {
            return unexpected();
        }
        const Token left = token_;
        advance();
        Tree node = make(Node::Kind::equals);
        switch (token_.kind) {
        case Token::Kind::equals:
            break;
        case Token::Kind::not_equals:
            node->kind = Node::Kind::not_equals;
            break;
        case Token::Kind::has:
            node->kind = Node::Kind::has;
            break;
        default: // a word alone
            node->field = word_;
            node->value = left.text;
            return node;
        }
        if (auto error = name_field(*node, left)) {
            return *std::move(error);
        }
        token_ = lexer_.next_value();
        if (token_.kind != Token::Kind::word && token_.kind != Token::Kind::quoted) {
            return token_.kind == Token::Kind::bad ? unexpected()
                                                   : bad("misses a value", token_.at);
        }
        node->value = token_.text;
        if (node->kind == Node::Kind::has && token_.kind == Token::Kind::word &&
            token_.text == "*") {
            node->kind = Node::Kind::present;
        }
        advance();
        return node;
    }

    std::optional<Error> name_field(Node& node, const Token& token) {
        for (const FilterField& field : fields_) {
            const bool is_map = field.name.ends_with('.');
            if (is_map ? token.text.starts_with(field.name) && token.text.size() > field.name.size()
                       : token.text == field.name) {
                if (field.whole_words && node.kind != Node::Kind::has) {
                    return bad("can only ask \"" + token.text + ":KEY\" of a map", token.at);
                }
                node.field = token.text;
                node.ignore_case = field.ignore_case;
                node.whole_words = field.whole_words;
                return std::nullopt;
            }
        }
        std::string known;
        for (const FilterField& field : fields_) {
            known += (known.empty() ? "" : ", ") + std::string(field.name) +
                     (field.name.ends_with('.') ? "KEY" : "");
        }
        return std::move(bad("names an unknown field, \"" + token.text + "\"", token.at))
            .with_hint("known: " + known);
    }

    bool is_keyword(std::string_view word) const {
        return token_.kind == Token::Kind::word && token_.text == word;
    }

    Error unexpected() const {
        if (token_.kind == Token::Kind::bad) {
            return bad("cannot be read: " + token_.text, token_.at);
        }
        return token_.kind == Token::Kind::end
                   ? bad("ends too early", token_.at)
                   : bad("cannot be read: unexpected \"" + token_.text + "\"", token_.at);
    }

    static Error bad(const std::string& what, std::size_t at) {
        return Error(
                   ErrorCode::invalid_argument,
                   "BAD_FILTER",
                   "the filter " + what + " (at character " + std::to_string(at + 1) + ")"
        )
            .with_field("filter");
    }

    void advance() { token_ = lexer_.next(); }

    Lexer lexer_;
    const std::vector<FilterField>& fields_;
    std::string_view word_;
    Token token_{Token::Kind::end, "", 0};
};

} // namespace

Result<Filter> Filter::parse(
    std::string_view text, const std::vector<FilterField>& fields, std::string_view word
) {
    if (text.size() > text_max) {
        return Error(
                   ErrorCode::invalid_argument,
                   "BAD_FILTER",
                   "the filter is longer than " + std::to_string(text_max) + " bytes"
        )
            .with_field("filter");
    }
    Filter filter;
    const auto first = text.find_first_not_of(" \t\n");
    if (first == std::string_view::npos) {
        return filter;
    }
    const auto last = text.find_last_not_of(" \t\n");
    if (text.substr(first, last - first + 1) == "*") {
        return filter;
    }
    auto tree = Parser(text, fields, word).run();
    if (!tree) {
        return tree.error();
    }
    filter.root_ = *std::move(tree);
    return filter;
}

bool Filter::matches(const FilterSubject& subject) const {
    return root_ == nullptr || root_->matches(subject);
}

bool wildcard_match(std::string_view pattern, std::string_view text, bool ignore_case) noexcept {
    std::size_t p = 0;
    std::size_t t = 0;
    std::size_t star = std::string_view::npos; // the last one seen, and where its run began
    std::size_t run = 0;
    while (t < text.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            run = t;
        } else if (p < pattern.size() && same(pattern[p], text[t], ignore_case)) {
            ++p;
            ++t;
        } else if (star != std::string_view::npos) {
            p = star + 1;
            t = ++run;
        } else {
            return false;
        }
    }
    while (p < pattern.size() && pattern[p] == '*') {
        ++p;
    }
    return p == pattern.size();
}

} // namespace vbmc::control
