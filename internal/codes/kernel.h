// The kernels of the codes: see kernel.c.
#ifndef SHEAF_CODES_KERNEL_H
#define SHEAF_CODES_KERNEL_H

#include <stddef.h>
#include <stdint.h>

// Instruction sets, those of a processor in rising order: level in kernel.go has the same numbers.
enum { CODES_GENERIC, CODES_AVX2, CODES_AVX512, CODES_VNNI, CODES_DOT };

enum {
  CODES_GROUP = 16,  // rows that lie together in a plane
  CODES_OCTET = 8,   // numbers of a row that share 4 bytes of a plane
  CODES_TILE = 6,    // queries of a tile
};

// codes_planes are where the parts of a block lie, for rows rows, a multiple of CODES_GROUP. A
// row has octets * CODES_OCTET numbers.
typedef struct {
  float *length, *scale4, *residual4, *scale8, *residual8;
  uint8_t *high, *low;
  size_t rows, octets;
} codes_planes;

// codes_rough are the parts of a block with the signs of its rows: for each pair of octets, of which the
// last may be filled up with zeros, 16 bytes of the first and 16 of the second, one for each row of a
// group. Bit j of a byte is 1 where number j of the octet is not negative. There are none where signs is NULL.
typedef struct {
  float *length, *scale, *spread;
  uint8_t *signs;
} codes_rough;

// codes_encode writes the codes of a block. x are the d floats of each row, mean as many, signs three
// times as many that are 1 or -1. work has room for 2 * (octets * CODES_OCTET + CODES_GROUP) floats.
void codes_encode(int level, const float *x, size_t d, const float *mean, const float *signs,
                  float *work, codes_planes block, codes_rough rough);

// codes_query is a query as the kernels see it. The lower bound of the key of a row is
//
//   base + length * (square * length - slack) - product - residual * reach
//
// where product is factor * scale * (2 * (codes · query) - offset), of which the integers fit 32 bits.
typedef struct {
  float base, square, slack, reach, factor, limit;
  int32_t offset;
} codes_query;

// codes_hit is a row whose lower bound is not above a query's limit.
typedef struct {
  int32_t row, query;
  float product;
} codes_hit;

// codes_sift finds the rows of the groups from first up to end whose lower bound is not above the
// limit (NaN lets a row through), writes them to hits, whose query it sets to 0, and returns how
// many they are. It takes the codes of 8 bits where fine is set, else those of 4.
size_t codes_sift(int level, codes_planes block, size_t first, size_t end, int fine,
                  const int8_t *query, const codes_query *bound, codes_hit *hits);

// codes_sift_signs is codes_sift by the signs of a block of so many octets. table has for each pair of octets the
// sums of the query's numbers for all 16 values of the 4 low bits of the first octet, of the second, of the 4
// high bits of the first, and of the second: 64 bytes. No row has a sum above 65,535, of which a bound's offset is
// that of codes of 1 bit.
size_t codes_sift_signs(int level, codes_rough rough, size_t octets, size_t first, size_t end,
                        const uint8_t *table, const codes_query *bound, codes_hit *hits);

// codes_unpack writes the 8 bits of each number of a block as a byte: 4 numbers of each row of a
// group, then the next 4.
void codes_unpack(codes_planes block, uint8_t *bytes);

// codes_query_bytes is how many bytes a number of a query takes in a tile; 0: the level has no tiles.
int codes_query_bytes(int level);

// codes_sift_tile is codes_sift for the queries j < used of a tile, by the codes of 8 bits, which
// codes_unpack wrote to bytes. queries has for each 4 numbers those of all CODES_TILE queries, each of
// codes_query_bytes bytes.
size_t codes_sift_tile(int level, codes_planes block, const uint8_t *bytes, size_t first, size_t end,
                       const int8_t *queries, const codes_query *bounds, int used, codes_hit *hits);

#endif
