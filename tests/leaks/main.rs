//! Every attack of LEAKS.md, black-box.
