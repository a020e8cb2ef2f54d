# SPDX-License-Identifier: MIT
# fish completion of seqtrain: the program itself knows its command line.
command seqtrain completion fish 2>/dev/null | source
