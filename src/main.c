#include <stdio.h>

int main(void)
{
    puts("seqtrain");
    return 0;
}
