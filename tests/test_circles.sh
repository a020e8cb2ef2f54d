#!/bin/sh
# SPDX-License-Identifier: MIT
# No two files of a folder of src need each other, neither directly nor by way of others of that
# folder. One file needs another where its object file uses a symbol that the other's defines: nm(1)
# tells. Reads the objects of this build.
srcdir=${srcdir-.}
LC_ALL=C
export LC_ALL

# Folders that still have circles. A folder that has none is taken off this list.
not_yet='commands'

skip_all()
{
    echo "1..0 # SKIP $*"
    exit 0
}

command -v nm >/dev/null || skip_all "no nm(1) (Debian: package binutils)"
[ -f src/error.o ] || skip_all "this build keeps no object files"

# symbols FOLDER: "FILE U SYMBOL" for every symbol that an object uses, "FILE D SYMBOL" for every one
# that it defines. Objects whose source is gone do not count.
symbols()
{
    for source in "$srcdir/src/$1"/*.c; do
        file=$(basename "$source" .c)
        nm -gP "src/$1/$file.o" | awk -v file="$file" '{ print file, $2 == "U" ? "U" : "D", $1 }'
    done
}

# circles: of those lines, "FILE needs FILE: SYMBOL..." for each need that is part of a circle.
circles()
{
    awk '
        { file[$1] }
        $2 == "D" { home[$3] = $1 }
        $2 == "U" { user[++uses] = $1; used[uses] = $3 }
        END {
            for (i = 1; i <= uses; i++) {
                to = home[used[i]]
                if (to != "" && to != user[i]) {
                    need[user[i], to] = need[user[i], to] " " used[i]
                    reaches[user[i], to] = 1
                }
            }
            for (via in file)
                for (from in file)
                    if ((from, via) in reaches)
                        for (to in file)
                            if ((via, to) in reaches)
                                reaches[from, to] = 1
            for (pair in need) {
                split(pair, end, SUBSEP)
                if ((end[2], end[1]) in reaches)
                    print end[1] ".c needs " end[2] ".c:" need[pair]
            }
        }' | sort
}

points=0

# point NAME TEXT: passes if TEXT, the list of offences, is empty.
point()
{
    points=$((points + 1))
    if [ -z "$2" ]; then
        echo "ok $points - $1"
    else
        echo "not ok $points - $1"
        printf '%s\n' "$2" | sed 's/^/# /'
    fi
}

# What the check itself finds: three files in a circle, and one that two of them need.
point "a circle is found" "$(
    cat >wanted.$$ <<-'END'
	a.c needs b.c: b_1 b_2
	b.c needs c.c: c_1
	c.c needs a.c: a_1
	END
    printf '%s\n' 'a D a_1' 'a U b_1' 'a U b_2' 'a U d_1' 'a U malloc' 'b D b_1' 'b D b_2' 'b U c_1' \
        'c D c_1' 'c U a_1' 'c U d_1' 'd D d_1' 'e U a_1' | circles | diff - wanted.$$
    rm wanted.$$)"

# the plug-in of src/mpi is one file, of no object
folders=$(cd "$srcdir/src" && find . -mindepth 2 -name '*.c' ! -path './mpi/*' | sed 's,^\./,,; s,/[^/]*$,,' | sort -u)
point "folders, objects and symbols are found" "$(
    echo "$folders" | grep -qx config || echo "no folder config"
    for folder in $folders; do
        for source in "$srcdir/src/$folder"/*.c; do
            object=src/$folder/$(basename "$source" .c).o
            [ -f "$object" ] || echo "$object is not there"
        done
    done
    symbols config | grep -qx 'option_table D option_find' || echo "no option_find in config/option_table.c")"

for folder in $folders; do
    found=$(symbols "$folder" | circles)
    case " $not_yet " in
    *" $folder "*) point "files of src/$folder form circles still (else take it off the list)" \
        "$([ -n "$found" ] || echo "they form none")" ;;
    *) point "no files of src/$folder form a circle" "$found" ;;
    esac
done

echo "1..$points"
