#pragma once
// What went wrong at the upstream BMC, as an error that a person can act on.

#include "base/result.h"
#include "client/settings.h"

namespace vbmc::backend::ipmi {

/// `where`: "10.0.0.7:623", for the text.
Error to_error(const client::Trouble& trouble, const std::string& where);

/// A completion code other than 00h; `what` was asked: "chassis control".
Error completion_error(u8 completion, std::string_view what, const std::string& where);

/// "D5h".
std::string hex_code(u8 code);

/// True when the BMC did not answer at all.
bool is_silent(const Error& error) noexcept;

/// True when the log-in itself is refused and will be until somebody changes something: asking
/// again at once could lock the account.
bool is_lasting(client::Failure failure) noexcept;

} // namespace vbmc::backend::ipmi
