//! Math-answer extraction, parsing and equality.
