/** What answers of GraphQL APIs mean: errors, and what a query costs. */
export { judgeGraphql } from './judge.ts'
export { heardInAnswer } from './cost.ts'
export { graphqlBody } from './body.ts'
