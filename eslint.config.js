import tseslint from 'typescript-eslint'

/** Folders a folder may not import at run time: the arrows of the design point one way. */
const ARROWS = {
  model: ['store', 'stage', 'protocols', 'connectors', 'destinations', 'project', 'activities', 'workflows', 'workers', 'client', 'simulator'],
  store: ['stage', 'protocols', 'connectors', 'destinations', 'project', 'activities', 'workflows', 'workers', 'client', 'simulator'],
  stage: ['store', 'protocols', 'connectors', 'destinations', 'project', 'activities', 'workflows', 'workers', 'client', 'simulator'],
  protocols: ['connectors', 'destinations', 'project', 'activities', 'workflows', 'workers', 'client', 'simulator'],
  destinations: ['connectors', 'project', 'activities', 'workflows', 'workers', 'client', 'simulator'],
  connectors: ['store', 'stage', 'destinations', 'project', 'activities', 'workflows', 'workers', 'client', 'simulator'],
  project: ['store', 'stage', 'protocols', 'destinations', 'activities', 'workflows', 'workers', 'client', 'simulator'],
  activities: ['workflows', 'workers', 'client', 'simulator'],
  conformance: ['activities', 'workflows', 'client', 'simulator'],
  simulator: ['store', 'stage', 'protocols', 'connectors', 'destinations', 'project', 'activities', 'workflows', 'workers', 'client'],
}

const arrows = Object.entries(ARROWS).map(([folder, banned]) => ({
  files: [`${folder}/**/*.ts`],
  ignores: ['**/*.test.ts'],
  rules: {
    '@typescript-eslint/no-restricted-imports': [
      'error',
      {
        patterns: [
          {
            group: banned.flatMap((b) => [`../${b}/**`, `../../${b}/**`, `../../../${b}/**`]),
            allowTypeImports: true,
            message: 'Imports point one way: see "Layout" in docs/architecture.md.',
          },
        ],
      },
    ],
  },
}))

export default tseslint.config(
  { ignores: ['dist/', 'node_modules/', '.isthmus/', 'coverage/'] },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.base],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/await-thenable': 'error',
      '@typescript-eslint/only-throw-error': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_', ignoreRestSiblings: true }],
      '@typescript-eslint/consistent-type-imports': 'error',
      'no-eval': 'error',
      'prefer-const': 'error',
      eqeqeq: ['error', 'always'],
    },
  },
  {
    files: ['workflows/**/*.ts'],
    ignores: ['**/*.test.ts'],
    rules: {
      '@typescript-eslint/no-restricted-imports': [
        'error',
        {
          paths: ['zod', 'soap', 'undici', 'pg', 'pino'].map((name) => ({ name, message: 'Workflows hold no libraries: they are replayed and must be deterministic.' })),
          patterns: [
            { group: ['../**'], allowTypeImports: true, message: 'Workflows import only types from elsewhere.' },
            { group: ['node:*', '@temporalio/*', '!@temporalio/workflow'], allowTypeImports: true, message: 'Workflows import @temporalio/workflow only.' },
          ],
        },
      ],
      'no-restricted-globals': ['error', 'process', 'Buffer', 'fetch', 'crypto'],
    },
  },
  ...arrows,
)
